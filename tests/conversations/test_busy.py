"""Busy conversations: what they answer while a turn goes on, on every route that would start another one."""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from letta_client import ConflictError, Letta

from letta.testing.scripted_model import Reply, ScriptedModel
from tests.conversations.conftest import Begin, Conversation, contents
from tests.support.waiting import until
from tests.talking import AgentTalk, types

Json = dict[str, Any]
Ask = Callable[[AgentTalk], httpx2.Response]
HELLO = {"input": "Me too."}


def _of_agent(verb: str, **options: Any) -> Ask:
    return lambda talk: talk.http.post(f"{talk.path}{verb}", json=HELLO | options)


def _by_name(name: str, verb: str, **body: Any) -> Ask:
    """Asks the agent's own conversation by a name that it has."""

    def ask(talk: AgentTalk) -> httpx2.Response:
        path = f"/v1/conversations/{name.format(agent=talk.id)}/{verb}"
        return talk.http.post(path, json=body, params={"agent_id": talk.id})

    return ask


def _complete(talk: AgentTalk) -> httpx2.Response:
    body = {"model": talk.id, "messages": [{"role": "user", "content": "Me too."}]}
    return talk.http.post("/v1/chat/completions", json=body)


STARTERS: dict[str, Ask] = {
    "messages": _of_agent(""),
    "messages, streamed": _of_agent("", streaming=True),
    "messages, in the background": _of_agent("", streaming=True, background=True),
    "messages/stream": _of_agent("/stream"),
    "messages/async": _of_agent("/async"),
    "conversations/default": _by_name("default", "messages", **HELLO),
    "conversations/default, in one piece": _by_name("default", "messages", **HELLO, streaming=False),
    "conversations/agent-id": _by_name("{agent}", "messages", **HELLO),
    "conversations/default/compact": _by_name("default", "compact"),
    "summarize": lambda talk: talk.http.post(f"/v1/agents/{talk.id}/summarize"),
    "reset-messages": lambda talk: talk.http.patch(f"/v1/agents/{talk.id}/reset-messages", json={}),
    "chat/completions": _complete,
}
OF_A_CONVERSATION: dict[str, Json] = {
    "messages": HELLO,
    "messages in one piece": HELLO | {"streaming": False},
    "messages in the background": HELLO | {"background": True},
    "compact": {},
}


@pytest.mark.parametrize("ask", STARTERS.values(), ids=list(STARTERS))
def test_a_busy_agent_names_the_run_and_when_to_try_again(talk: AgentTalk, model: ScriptedModel, ask: Ask) -> None:
    script = model.script(Reply("Slow.", hold=True))
    run_id = talk.http.post(f"{talk.path}/async", json={"input": script.say()}).json()["id"]
    busy = ask(talk)
    assert (busy.status_code, busy.json()["run_id"]) == (409, run_id)
    assert busy.json()["detail"].startswith("CONFLICT: ")
    assert int(busy.headers["retry-after"]) >= 1
    script.release()
    assert until(lambda: talk.run(run_id)["status"] == "completed")
    assert len(contents(talk.history())) == 1, "nothing of what was refused is left"
    assert types(talk.say("And now?")["messages"]) == ["assistant_message"]


@pytest.mark.parametrize("way", OF_A_CONVERSATION)
def test_a_busy_conversation_is_busy_alone(begin: Begin, talk: AgentTalk, model: ScriptedModel, way: str) -> None:
    conversation, free = begin(), begin()
    script = model.script(Reply("Slow.", hold=True))
    run_id = _start(conversation, script.say())
    busy = conversation.http.post(f"{conversation.path}/{way.partition(' ')[0]}", json=OF_A_CONVERSATION[way])
    assert (busy.status_code, busy.json()["run_id"]) == (409, run_id)
    assert int(busy.headers["retry-after"]) >= 1
    assert types(free.say("Quick?")["messages"]) == ["assistant_message"]
    script.release()
    assert until(lambda: talk.run(run_id)["status"] == "completed")
    assert len(contents(conversation.history())) == 1


def test_what_queues_in_a_conversation_is_answered_in_order(begin: Begin, model: ScriptedModel) -> None:
    conversation, other = begin(), begin()
    script = model.script(Reply("Slow.", hold=True))
    _start(conversation, script.say("0"))
    answers: list[httpx2.Response] = []

    def send(number: int) -> None:
        body = {"input": f"Message {number}", "streaming": number % 2 == 0}
        answers.append(conversation.http.post(f"{conversation.path}/messages?queue=true", json=body))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(1, 4)]
    for thread in threads:
        thread.start()
        thread.join(0.15)
    assert types(other.say("Not behind them.")["messages"]) == ["assistant_message"]
    assert answers == []
    script.release()
    for thread in threads:
        thread.join(10)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert contents(conversation.history())[1:] == [f"Message {number}" for number in range(1, 4)]


def test_the_official_client_is_refused_and_may_queue(
    client: Letta, begin: Begin, talk: AgentTalk, model: ScriptedModel
) -> None:
    conversation = begin()
    script = model.script(Reply("Slow.", hold=True))
    run_id = _start(conversation, script.say())
    with pytest.raises(ConflictError) as refused:
        client.conversations.messages.create(conversation.id, input="Me too.")
    assert refused.value.response.json()["run_id"] == run_id
    threading.Timer(0.2, script.release).start()
    queued = client.conversations.messages.create(conversation.id, input="Then me.", extra_query={"queue": True})
    assert "assistant_message" in [message.message_type for message in queued]
    assert contents(conversation.history())[1:] == ["Then me."]


def _start(conversation: Conversation, text: str) -> str:
    """Begin a run in the background and leave it alone."""
    body = {"input": text, "background": True}
    with conversation.http.stream("POST", f"{conversation.path}/messages", json=body) as response:
        return str(json.loads(next(response.iter_lines())[6:])["run_id"])
