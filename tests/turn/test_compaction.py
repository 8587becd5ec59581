"""Compaction in a turn and on request, through the official client."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from letta_client import Letta
from letta_client.types import AgentState

from letta.testing.scripted_model import DEFAULT_TEXT, Call, Failure, Reply, ScriptedModel, Usage
from tests.talking import summaries_in

FULL = Usage(input=120_000, output=10)
MakeAgent = Callable[..., AgentState]


@pytest.fixture
def make_agent(client: Letta) -> Iterator[MakeAgent]:
    made: list[str] = []

    def make(**options: Any) -> AgentState:
        options = {"model": "openai-proxy/gpt-4o-mini", "memory_blocks": [{"label": "human", "value": "Ada"}]} | options
        agent = client.agents.create(**options)
        made.append(agent.id)
        return agent

    yield make
    for agent_id in made:
        client.agents.delete(agent_id)


def _talk(client: Letta, agent: AgentState, turns: int) -> None:
    for number in range(turns):
        client.agents.messages.create(agent.id, input=f"remark number {number}")


def _said(message: object) -> str:
    return str(getattr(message, "content", ""))


def _context(client: Letta, agent: AgentState) -> list[str]:
    return client.agents.retrieve(agent.id).message_ids or []


def _texts(client: Letta, agent: AgentState) -> list[str]:
    listed = client.agents.messages.list(agent.id, order="asc", limit=200)
    return [_said(message) for message in listed if message.message_type == "user_message"]


def test_a_step_that_nearly_fills_the_window_is_followed_by_compaction(
    client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    _talk(client, agent, 8)
    before = _context(client, agent)
    script = model.script(Reply("a long answer", usage=FULL))
    answer = client.agents.messages.create(agent.id, input=script.say("how are you?"))
    after = _context(client, agent)
    assert answer.stop_reason.stop_reason == "end_turn"
    assert [message.message_type for message in answer.messages] == ["assistant_message", "user_message"]
    assert "system_alert" in _said(answer.messages[-1])
    assert answer.usage.context_tokens is not None
    assert answer.usage.context_tokens < 10_000
    assert len(after) < len(before)
    assert (after[0], after[1]) == (before[0], answer.messages[-1].id)
    run = client.runs.retrieve(str(answer.messages[0].run_id))
    assert run.status == "completed"


def test_the_first_exchange_can_fill_the_window(client: Letta, model: ScriptedModel, make_agent: MakeAgent) -> None:
    agent = make_agent()
    script = model.script(Reply("a long answer", usage=FULL))
    answer = client.agents.messages.create(agent.id, input=script.say("how are you?"))
    assert [message.message_type for message in answer.messages] == ["assistant_message", "user_message"]
    assert len(_context(client, agent)) == 2


def test_row_7_a_server_that_counts_no_tokens_is_compacted_by_estimates(
    client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent(context_window_limit=8000)
    nothing = Usage(input=0, output=0)
    for _ in range(3):
        script = model.script(Reply("short", usage=nothing))
        client.agents.messages.create(agent.id, input=script.say("word " * 1000))
    assert len(_context(client, agent)) == 7, "an estimate that is too high would cut what fits"
    script = model.script(Reply("full", usage=nothing))
    answer = client.agents.messages.create(agent.id, input=script.say("word " * 4000))
    assert [message.message_type for message in answer.messages] == ["assistant_message", "user_message"]
    assert len(_context(client, agent)) < 9


def test_what_left_the_context_stays_listed(client: Letta, model: ScriptedModel, make_agent: MakeAgent) -> None:
    agent = make_agent()
    _talk(client, agent, 6)
    script = model.script(Reply("full", usage=FULL))
    client.agents.messages.create(agent.id, input=script.say("now"))
    assert [text for text in _texts(client, agent) if text.startswith("remark")] == [
        f"remark number {n}" for n in range(6)
    ]


def test_the_next_turn_sees_the_summary_and_the_rest(
    client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    _talk(client, agent, 6)
    client.agents.messages.create(agent.id, input=model.script(Reply("full", usage=FULL)).say("now"))
    script = model.script(Reply("fine"))
    client.agents.messages.create(agent.id, input=script.say("and now?"))
    asked = script.requests[0].body["messages"]
    assert "system_alert" in asked[1]["content"]
    assert "remark number 0" not in str(asked)
    assert "remark number 5" in str(asked)


def test_a_context_that_is_too_long_is_compacted_and_the_turn_goes_on(
    client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    _talk(client, agent, 6)
    script = model.script(Reply("it fits now", error=Failure("context_overflow", times=1)))
    answer = client.agents.messages.create(agent.id, input=script.say("a question"))
    assert answer.messages[-1].message_type == "assistant_message"
    assert _said(answer.messages[-1]) == "it fits now"
    assert answer.stop_reason.stop_reason == "end_turn"


def test_row_7_an_overflow_that_never_ends_fails_once_and_leaves_the_agent_usable(
    client: Letta, http: httpx2.Client, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    """A context-overflow death spiral: retries, growing contexts, and a compaction that fails as well."""
    agent = make_agent()
    _talk(client, agent, 4)
    model.set_default(Reply("", error=Failure("context_overflow")))
    answer = http.post(f"/v1/agents/{agent.id}/messages", json={"input": "a question"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("CONTEXT_WINDOW_EXCEEDED: ")
    model.set_default(Reply("back again"))
    again = client.agents.messages.create(agent.id, input="still there?")
    assert _said(again.messages[-1]) == "back again"
    assert "a question" in _texts(client, agent)
    assert len(_context(client, agent)) < 10


def test_a_summary_that_can_not_be_had_loses_nothing(
    client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent(compaction_settings={"mode": "all", "model": "openai-proxy/gpt-4.1-mini"})
    _talk(client, agent, 4)
    script = model.script(Reply("full", usage=FULL), without_tools=Reply("", error=Failure("server")))
    answer = client.agents.messages.create(agent.id, input=script.say("now"))
    assert answer.stop_reason.stop_reason == "end_turn"
    assert len([text for text in _texts(client, agent) if text.startswith("remark")]) == 4
    assert len(_context(client, agent)) == 11, "the next step tries again"
    assert _said(client.agents.messages.create(agent.id, input="next").messages[-1])


def test_those_who_ask_are_told(client: Letta, model: ScriptedModel, make_agent: MakeAgent) -> None:
    agent = make_agent()
    _talk(client, agent, 6)
    script = model.script(Reply("full", usage=FULL))
    stream = client.agents.messages.create(
        agent.id, input=script.say("now"), streaming=True, include_compaction_messages=True
    )
    events = [event for event in stream if event.message_type != "ping"]
    assert [event.message_type for event in events] == [
        "assistant_message",
        "event_message",
        "summary_message",
        "stop_reason",
        "usage_statistics",
    ]
    assert events[1].event_data["trigger"] == "post_step_context_check"  # type: ignore[union-attr]
    stats: Any = events[2].compaction_stats  # type: ignore[union-attr]
    assert stats["messages_count_before"] > stats["messages_count_after"]


def test_a_turn_goes_on_after_compaction(client: Letta, model: ScriptedModel, make_agent: MakeAgent) -> None:
    agent = make_agent()
    _talk(client, agent, 6)
    call = Call("memory_insert", {"label": "human", "new_string": "likes tea"})
    script = model.script(Reply(calls=[call], usage=FULL), Reply("done"))
    answer = client.agents.messages.create(agent.id, input=script.say("remember that"))
    assert _said(answer.messages[-1]) in {"done", DEFAULT_TEXT}
    assert "likes tea" in client.agents.blocks.retrieve("human", agent_id=agent.id).value


@pytest.mark.parametrize("mode", ["sliding_window", "all", "self_compact_all", "self_compact_sliding_window"])
def test_on_request(client: Letta, http: httpx2.Client, make_agent: MakeAgent, mode: str) -> None:
    agent = make_agent()
    _talk(client, agent, 6)
    answer = client.agents.messages.compact(agent.id, compaction_settings={"mode": mode})  # type: ignore[arg-type]
    assert answer.summary
    assert answer.num_messages_before == 13
    assert answer.num_messages_after == len(_context(client, agent)) < 13
    listed = http.get(f"/v1/agents/{agent.id}/messages").json()
    assert [summary["message"] for summary in summaries_in(listed)] == [answer.summary]


def test_the_summarizer_is_the_model_that_was_chosen(
    client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent(compaction_settings={"model": "openai-proxy/gpt-4.1-mini", "prompt": "Sum it up, please."})
    _talk(client, agent, 4)
    client.agents.messages.compact(agent.id)
    asked = model.requests(containing="Sum it up, please.")[-1].body
    assert asked["model"] == "gpt-4.1-mini"
    assert "remark number 0" in asked["messages"][1]["content"]


def test_a_new_agent_has_nothing_to_compact(http: httpx2.Client, make_agent: MakeAgent) -> None:
    answer = http.post(f"/v1/agents/{make_agent().id}/summarize")
    assert answer.status_code == 409
    assert "nothing to compact" in answer.json()["detail"]


def test_an_agent_too_full_to_summarize_by_itself_is_given_a_transcript(
    client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent(compaction_settings={"mode": "self_compact_all"})
    _talk(client, agent, 4)
    summary = Reply("What was said so far.", error=Failure("context_overflow", times=1))
    client.agents.messages.create(agent.id, input=model.script(Reply("fine"), without_tools=summary).say("last"))
    assert client.agents.messages.compact(agent.id).summary == "What was said so far."
    by_itself, by_transcript = model.requests(path="/chat/completions")[-2:]
    assert len(by_itself.body["messages"]) > len(by_transcript.body["messages"]) == 2


def test_a_question_is_never_compacted_away(http: httpx2.Client, model: ScriptedModel, make_agent: MakeAgent) -> None:
    agent = make_agent()
    script = model.script(Reply("never", error=Failure("context_overflow")))
    answer = http.post(f"/v1/agents/{agent.id}/messages", json={"input": script.say("IMPORTANT")})
    assert answer.status_code == 400
    assert all("IMPORTANT" in str(request.body["messages"][-1]) for request in script.requests)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_system_message_larger_than_the_window_is_named(
    http: httpx2.Client, model: ScriptedModel, make_agent: MakeAgent, streaming: bool
) -> None:
    agent = make_agent(system="word " * 14_000, context_window_limit=8000)
    script = model.script(Reply("never", error=Failure("context_overflow")))
    answer = http.post(f"/v1/agents/{agent.id}/messages", json={"input": script.say(), "streaming": streaming})
    assert "CONTEXT_WINDOW_EXCEEDED: The system message" in answer.text
    assert answer.status_code == (200 if streaming else 400)
    if streaming:
        assert '"stop_reason":"context_window_overflow_in_system_prompt"' in answer.text.replace(" ", "")


def test_what_the_provider_counted_is_what_is_told(
    http: httpx2.Client, client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    _talk(client, agent, 6)
    body = {
        "input": model.script(Reply("full", usage=FULL)).say(),
        "streaming": True,
        "include_compaction_messages": True,
    }
    streamed = http.post(f"/v1/agents/{agent.id}/messages", json=body).text
    assert f'"context_token_estimate":{FULL.input + FULL.output}' in streamed.replace(" ", "")


def test_an_answer_that_is_not_streamed_shows_the_summary_as_the_agent_is_told_it(
    client: Letta, model: ScriptedModel, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    _talk(client, agent, 6)
    script = model.script(Reply("full", usage=FULL))
    answer = client.agents.messages.create(agent.id, input=script.say(), include_compaction_messages=True)
    assert [message.message_type for message in answer.messages] == ["assistant_message", "user_message"]
    assert json.loads(_said(answer.messages[-1]))["compaction_stats"]["trigger"] == "post_step_context_check"
