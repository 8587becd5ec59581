"""What the model is asked in a step: the context, repaired and shortened, and the tools that it may call."""

from collections.abc import Sequence
from dataclasses import replace

from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest
from letta.messages.message import Message, text_content
from letta.system_message.compile import compile_system
from letta.system_message.facts import SystemFacts
from letta.turn.history import repair
from letta.turn.skills import available_skills
from letta.turn.styles import style_of
from letta.turn.tools import shortened
from letta.turn.turn import Turn

_LEAST_RETURN_CHARS = 5000
_RETURN_SHARE = 0.2
_CHARS_PER_TOKEN = 4


def chat_request(turn: Turn, config: JsonObject) -> ChatRequest:
    """What the next step asks of the model."""
    style = style_of(turn.agent.agent_type)
    allowed = set(turn.rules.allowed(turn.tool_names))
    schemas = style.schemas(turn, config, [tool for tool in turn.tools if tool.name in allowed])
    response_format = style.response_format(turn, config)
    return ChatRequest(
        config=config if response_format else config | {"response_format": None},
        messages=style.replay(_context(turn, config), config),
        tools=schemas,
        tool_choice=style.tool_choice(turn, schemas) if schemas else None,
        parallel_tool_calls=style.several_calls(config) and turn.rules.only_approvals(),
        response_format=response_format,
        user=turn.actor.user_id,
        stream=turn.options.stream_tokens,
    )


def _context(turn: Turn, config: JsonObject) -> list[Message]:
    limit = max(_LEAST_RETURN_CHARS, round(_RETURN_SHARE * config["context_window"] * _CHARS_PER_TOKEN))
    messages = [_with_short_returns(m, limit) if m.tool_returns else m for m in repair(turn.context)]
    if turn.options.override_system is not None:
        facts = SystemFacts(conversation_label=turn.conversation.label)
        text = compile_system(turn.agent, turn.shown, facts, system=turn.options.override_system)
        system = Message("system", turn.agent.id, turn.conversation.id, content=text_content(text))
        messages = [system, *(message for message in messages if message.role != "system")]
    if turn.options.client_skills:
        messages = _with_skills(messages, turn.options.client_skills)
    return messages


def _with_short_returns(message: Message, limit: int) -> Message:
    returns = message.tool_returns or []
    if all(len(returned["tool_return"]) <= limit for returned in returns):
        return message
    short = [returned | {"tool_return": shortened(returned["tool_return"], limit)} for returned in returns]
    return replace(message, tool_returns=short)


def _with_skills(messages: list[Message], skills: Sequence[JsonObject]) -> list[Message]:
    """Skills stand at the end of the system message, for this request only."""
    if not messages or messages[0].role != "system":
        return messages
    text = f"{messages[0].text}\n\n{available_skills(skills)}"
    return [replace(messages[0], content=text_content(text)), *messages[1:]]
