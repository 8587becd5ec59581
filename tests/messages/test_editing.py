"""Messages that are changed after they were stored."""

from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.talking import AgentTalk

Json = dict[str, Any]
UNKNOWN = "message-00000000-0000-4000-8000-0000000000aa"


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return AgentTalk(http)


def patch(talk: AgentTalk, message_id: str, **change: Any) -> httpx2.Response:
    return talk.http.patch(f"{talk.path}/{message_id}", json=change)


def changed(talk: AgentTalk, message_id: str, **change: Any) -> Json:
    response = patch(talk, message_id, **change)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def only(talk: AgentTalk, message_type: str) -> Json:
    (found,) = [message for message in talk.history() if message["message_type"] == message_type]
    return found


def test_the_model_sees_what_messages_say_now(talk: AgentTalk, model: ScriptedModel) -> None:
    talk.say(model.script(Reply("I am Bob.")).say("I am Ada."))
    user, assistant = only(talk, "user_message"), only(talk, "assistant_message")
    told = changed(talk, user["id"], message_type="user_message", content="I am Grace.")
    assert (told["id"], told["content"], told["date"]) == (user["id"], "I am Grace.", user["date"])
    changed(talk, assistant["id"], content="I am Alan.")
    talk.say(model.script(Reply("So it is.")).say())
    sent = model.requests(path="/chat/completions")[-1].body["messages"]
    assert [message["content"] for message in sent[-3:-1]] == ["I am Grace.", "I am Alan."]
    assert [m["content"] for m in talk.history()][1:3] == ["I am Grace.", "I am Alan."]


def test_a_message_that_was_changed_is_found_by_its_new_words(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http, tools=["conversation_search"])
    talk.say("My favourite drink is tea.")
    changed(talk, only(talk, "user_message")["id"], content="My favourite drink is rhubarb juice.")
    found = talk.say(
        model.script(Reply(calls=[Call("conversation_search", {"query": "rhubarb"})]), Reply("Yes.")).say()
    )
    assert "rhubarb juice" in next(m for m in found["messages"] if "tool_return" in m)["tool_return"]


def test_the_text_of_a_messaging_agent_is_its_call(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http, agent_type="memgpt_v2_agent", include_base_tools=True)
    talk.say(model.script(Reply(calls=[Call("send_message", {"message": "Hello."})])).say())
    assistant = talk.history()[-2]
    assert changed(talk, assistant["id"], content="Good day.")["content"] == "Good day."
    assert talk.history()[-2]["content"] == "Good day."


def test_thoughts_are_changed_apart(talk: AgentTalk, model: ScriptedModel) -> None:
    talk.say(model.script(Reply("Four.", reasoning="Two and two.")).say("2 + 2?"))
    thought = only(talk, "reasoning_message")
    told = changed(talk, thought["id"], message_type="reasoning_message", reasoning="Twice two.")
    assert (told["message_type"], told["reasoning"]) == ("reasoning_message", "Twice two.")
    assert only(talk, "assistant_message")["content"] == "Four."


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"message_type": "assistant_message", "content": "x"}, 400, "message_type"),
        ({"message_type": "reasoning_message", "reasoning": "x"}, 400, "no reasoning"),
        ({"message_type": "user_message", "reasoning": "x"}, 422, "user_message"),
        ({"message_type": "user_message"}, 422, "content"),
        ({"message_type": "tool_call_message", "content": "x"}, 422, "message_type"),
        ({"content": [{"type": "image", "source": {"type": "url"}}]}, 422, "image"),
    ],
)
def test_what_cannot_be_changed(talk: AgentTalk, change: Json, status: int, told: str) -> None:
    talk.say("Hello.")
    response = patch(talk, only(talk, "user_message")["id"], **change)
    assert response.status_code == status, response.text
    assert told in response.text


def test_what_would_not_be_shown_is_refused_and_changes_nothing(talk: AgentTalk) -> None:
    talk.say("Hello.")
    before = talk.history()
    response = patch(talk, only(talk, "assistant_message")["id"], content=[{"type": "reasoning", "reasoning": "x"}])
    assert (response.status_code, talk.history()) == (400, before), response.text


def test_a_call_that_is_no_json_can_be_mended(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http, agent_type="memgpt_v2_agent", include_base_tools=True)
    broken, right = Call("send_message", "{broken"), Call("send_message", {"message": "Sorry."})
    talk.say(model.script(Reply(calls=[broken]), Reply(calls=[right])).say())
    call = next(m for m in talk.history() if m["message_type"] == "tool_call_message" and "broken" in str(m))
    assert changed(talk, call["id"], content="Hello.")["content"] == "Hello."


def test_messages_of_others(talk: AgentTalk) -> None:
    other = AgentTalk(talk.http)
    other.say("Hello.")
    assert patch(talk, only(other, "user_message")["id"], content="x").status_code == 404
    assert patch(talk, UNKNOWN, content="x").status_code == 404


def test_tool_returns_stay(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http, tools=["memory_insert"], memory_blocks=[{"label": "human", "value": ""}])
    calls = [Call("memory_insert", {"label": "human", "new_string": "Ada"})]
    talk.say(model.script(Reply(calls=calls), Reply("Done.")).say())
    assert patch(talk, only(talk, "tool_return_message")["id"], content="x").status_code == 400
