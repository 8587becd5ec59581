"""Agents whose models speak other formats than OpenAI's chat completions, through the server."""

from collections.abc import Iterator
from typing import Any

import pytest
from letta_client import Letta

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import environment_of_all_providers

HANDLES = [
    "anthropic/claude-haiku-4-5",
    "anthropic/claude-opus-5-5",
    "google_ai/gemini-3.8-flash",
    "openai-proxy/gpt-5-mini",
]


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedModel]:
    with ScriptedModel(models=["gpt-5-mini"]) as model:
        yield model


@pytest.fixture(scope="module")
def agents_of(postgres_uri: str, provider: ScriptedModel) -> Iterator[Letta]:
    """A client of a server with all these providers."""
    with throwaway_schema(postgres_uri) as schema:
        environment = environment_of_all_providers(postgres_uri, schema, provider)
        with ServerProcess(environment) as server, server.client(max_retries=0) as opened:
            yield opened


def edit(text: str) -> Call:
    return Call("memory_insert", {"label": "human", "new_string": text})


def new_agent(client: Letta, handle: str) -> str:
    blocks: Any = [{"label": "human", "value": "Name: Ada"}]
    return client.agents.create(name="Ada", model=handle, memory_blocks=blocks).id


@pytest.mark.parametrize("handle", HANDLES)
def test_turns_with_thoughts_and_a_memory_edit(agents_of: Letta, provider: ScriptedModel, handle: str) -> None:
    """A memory edit changes the system text between the model's thoughts and their return to it."""
    script = provider.script(Reply(reasoning="Worth keeping.", calls=[edit("Likes tea.")]), Reply("Noted."))
    again = provider.script(Reply(reasoning="I know that.", text="Tea."))
    agent = new_agent(agents_of, handle)
    first = agents_of.agents.messages.create(agent, input=script.say("I like tea."))
    second = agents_of.agents.messages.create(agent, input=again.say("What do I like?"))

    shown = [message.message_type for message in first.messages]
    assert shown == ["reasoning_message", "tool_call_message", "tool_return_message", "assistant_message"]
    assert [message.message_type for message in second.messages] == ["reasoning_message", "assistant_message"]
    assert first.usage.step_count == 2
    assert "Likes tea." in str(agents_of.agents.blocks.retrieve("human", agent_id=agent).value)
    metrics: Any = agents_of.steps.metrics.retrieve(first.messages[0].step_id or "")
    assert 0 < metrics.cost_usd < 0.01


@pytest.mark.parametrize("handle", HANDLES)
def test_streams_show_under_its_id_what_is_stored(agents_of: Letta, provider: ScriptedModel, handle: str) -> None:
    script = provider.script(
        Reply("Let me see.", reasoning="Worth keeping it.", hidden="opaque", calls=[edit("Likes tea.")]),
        Reply("All noted."),
    )
    agent = new_agent(agents_of, handle)
    stream = agents_of.agents.messages.create(agent, input=script.say(), streaming=True, stream_tokens=True)
    pieces: list[Any] = [event for event in stream if hasattr(event, "otid") and event.message_type != "ping"]
    stored = agents_of.agents.messages.list(agent, order="asc").items
    told = {(message.id, message.otid): message.message_type for message in stored}

    streamed = {(piece.id, piece.otid): piece.message_type for piece in pieces}
    assert streamed.items() <= told.items()
    text = "".join(str(piece.content) for piece in pieces if piece.message_type == "assistant_message")
    assert text == "Let me see.All noted."
    assert "".join(piece.reasoning for piece in pieces if piece.message_type == "reasoning_message").startswith("Worth")


def test_a_conversation_moves_from_one_provider_to_the_next(agents_of: Letta, provider: ScriptedModel) -> None:
    agent = new_agent(agents_of, HANDLES[0])
    for handle in [*HANDLES, *HANDLES]:
        script = provider.script(Reply(reasoning="Hm.", calls=[edit(f"Met {handle}.")]), Reply(f"I am {handle}."))
        answer = agents_of.agents.messages.create(agent, input=script.say(), extra_body={"override_model": handle})
        assert [m.content for m in answer.messages if m.message_type == "assistant_message"] == [f"I am {handle}."]
