"""The tools with which agents talk to each other: what the model is told of each."""

from letta.tools.builtin import BuiltinTool, parameters, text

MULTI_AGENT = "letta_multi_agent_core"
_TAGS = {"type": "array", "items": {"type": "string"}}
_OTHER = text("Id of the other agent, such as agent-123e4567-e89b-42d3-8456-426614174000.")

ASK = "send_message_to_agent_and_wait_for_reply"
ASK_TAGGED = "send_message_to_agents_matching_tags"
TELL = "send_message_to_agent_async"

AGENT_TOOLS: tuple[BuiltinTool, ...] = (
    BuiltinTool(
        ASK,
        MULTI_AGENT,
        "Say something to another agent and wait for its answer. It sees only this message, not your conversation, so "
        "tell it all that it needs.",
        parameters(["message", "other_agent_id"], message=text("What to say."), other_agent_id=_OTHER),
    ),
    BuiltinTool(
        ASK_TAGGED,
        MULTI_AGENT,
        "Say something to all agents that have certain tags and wait for their answers, of which you get a list.",
        parameters(
            ["message"],
            message=text("What to say."),
            match_all=_TAGS | {"description": "Tags that an agent must have, each of them."},
            match_some=_TAGS | {"description": "Tags of which an agent must have one at least."},
        ),
    ),
    BuiltinTool(
        TELL,
        MULTI_AGENT,
        "Leave a message with another agent without waiting for an answer. If it has something to say, it writes to "
        "you later.",
        parameters(["message", "other_agent_id"], message=text("What to say."), other_agent_id=_OTHER),
    ),
)
