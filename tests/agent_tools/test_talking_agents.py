"""Agents that ask each other, and leave each other messages."""

import json
from typing import Any

import httpx2
import pytest

from letta.testing.model.script import Scenario
from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from tests.support.waiting import until
from tests.talking import AgentTalk, types

Json = dict[str, Any]

ASK = "send_message_to_agent_and_wait_for_reply"
ASK_TAGGED = "send_message_to_agents_matching_tags"
TELL = "send_message_to_agent_async"


def speaker(http: httpx2.Client, *tools: str, **settings: Any) -> AgentTalk:
    return AgentTalk(http, **({"tools": list(tools), "include_base_tool_rules": False} | settings))


def returned(talk: AgentTalk, model: ScriptedModel, name: str, **arguments: object) -> Json:
    """The return of one call, made in a turn."""
    messages = talk.say(model.script(Reply(calls=[Call(name, arguments)]), Reply("Done.")).say())["messages"]
    (message,) = [message for message in messages if message["message_type"] == "tool_return_message"]
    return dict(message)


def test_all_three_come_with_an_agent_that_wants_them(http: httpx2.Client) -> None:
    tools = AgentTalk(http, include_multi_agent_tools=True).agent["tools"]
    assert {tool["name"] for tool in tools} == {ASK, ASK_TAGGED, TELL}
    assert {tool["tool_type"] for tool in tools} == {"letta_multi_agent_core"}


def test_an_agent_gets_the_answer_of_another_one(http: httpx2.Client, model: ScriptedModel) -> None:
    ada, ben = speaker(http, ASK, name="Ada"), speaker(http)
    question = model.script(Reply("At five."))
    told = returned(ada, model, ASK, other_agent_id=ben.id, message=question.say("When is tea?"))
    assert (told["status"], told["tool_return"]) == ("success", "At five.")
    heard = ben.history()[1]
    assert (heard["sender_id"], ada.id in heard["content"]) == (ada.id, True)
    assert "When is tea?" in heard["content"]


def test_an_agent_that_speaks_by_a_tool_is_understood(http: httpx2.Client, model: ScriptedModel) -> None:
    ada = speaker(http, ASK)
    ben = speaker(http, "send_message", agent_type="memgpt_v2_agent", include_base_tool_rules=True)
    question = model.script(Reply(calls=[Call("send_message", {"message": "At six."})]))
    assert returned(ada, model, ASK, other_agent_id=ben.id, message=question.say())["tool_return"] == "At six."


def test_what_goes_wrong_is_told_to_the_agent(http: httpx2.Client, model: ScriptedModel) -> None:
    ada, ben = speaker(http, ASK, TELL), speaker(http)
    nobody = "agent-123e4567-e89b-42d3-8456-426614174000"
    broken = model.script(Reply(error=Failure("auth")))
    for name, other, message, expected in (
        (ASK, nobody, "Hi", nobody),
        (TELL, nobody, "Hi", nobody),
        (ASK, ada.id, "Hi", "your own id"),
        (ASK, ben.id, broken.say(), "did not answer"),
    ):
        told = returned(ada, model, name, other_agent_id=other, message=message)
        assert (told["status"], expected in told["tool_return"]) == ("error", True), told


def test_who_waits_for_an_answer_cannot_be_asked(http: httpx2.Client, model: ScriptedModel) -> None:
    """Two that wait for each other would wait until something gives way."""
    ada, ben = speaker(http, ASK), speaker(http, ASK)
    back = model.script(
        Reply(calls=[Call(ASK, {"other_agent_id": ada.id, "message": "Why?"})]), Reply("I could not ask back.")
    )
    told = returned(ada, model, ASK, other_agent_id=ben.id, message=back.say())
    assert told["tool_return"] == "I could not ask back."
    (refusal,) = [m for m in ben.history() if m["message_type"] == "tool_return_message"]
    assert "is waiting for your answer" in refusal["tool_return"]


def test_a_message_that_is_left_is_taken_up(http: httpx2.Client, model: ScriptedModel) -> None:
    ada, ben = speaker(http, TELL), speaker(http)
    busy = model.script(Reply("Later.", hold=True))
    started = http.post(f"{ben.path}/async", json={"input": busy.say()}).raise_for_status().json()
    busy.wait_asked(1)
    news = model.script(Reply("How nice."))
    assert returned(ada, model, TELL, other_agent_id=ben.id, message=news.say())["status"] == "success"
    assert "How nice." not in str(ben.history()), "it waits until the other one is free"
    busy.release()
    until(lambda: "How nice." in [m.get("content") for m in ben.history()])
    assert ben.run(started["id"])["status"] == "completed"


def test_messages_do_not_go_to_and_fro_for_ever(http: httpx2.Client, model: ScriptedModel) -> None:
    """Two agents that thank each other for their thanks."""
    ada, ben = speaker(http, TELL), speaker(http, TELL)
    thanks = Scenario(
        [
            Reply(
                calls=[
                    Call(TELL, {"other_agent_id": agent.id, "message": "Thanks! [[script:thanks]]"})
                    for agent in (ada, ben)
                ]
            )
        ]
    )
    model.register("thanks", thanks)
    ada.say("[[script:thanks]]")

    def refusals() -> list[str]:
        texts = [
            m["tool_return"]
            for talk in (ada, ben)
            for m in talk.history()
            if m["message_type"] == "tool_return_message"
        ]
        return [text for text in texts if "passed on already" in text]

    until(refusals, 20)
    assert len(model.requests(containing="Thanks!")) < 40


@pytest.mark.parametrize(
    ("tags", "reached"),
    [
        ({"match_all": ["x"]}, {"one", "two"}),
        ({"match_all": ["x", "y"]}, {"two"}),
        ({"match_some": ["y", "z"]}, {"two", "three"}),
        ({"match_all": ["x"], "match_some": ["y", "z"]}, {"two"}),
    ],
)
def test_all_agents_with_some_tags_are_asked(
    http: httpx2.Client, model: ScriptedModel, tags: dict[str, list[str]], reached: set[str]
) -> None:
    mark = str(id(tags))
    own = {"one": ["x"], "two": ["x", "y"], "three": ["z"]}
    others = [speaker(http, name=name, tags=[mark + tag for tag in own[name]]) for name in own]
    ada = speaker(http, ASK_TAGGED, tags=[mark + "x"])
    named = {kind: [mark + tag for tag in wanted] for kind, wanted in tags.items()}
    question = model.script(Reply("Here."))
    told = json.loads(returned(ada, model, ASK_TAGGED, message=question.say(), **named)["tool_return"])
    assert {answer["agent_name"]: answer["response"] for answer in told} == dict.fromkeys(reached, "Here.")
    assert {answer["agent_id"] for answer in told} <= {other.id for other in others}


def test_tags_that_nobody_has(http: httpx2.Client, model: ScriptedModel) -> None:
    ada = speaker(http, ASK_TAGGED)
    for arguments in ({}, {"match_all": ["nobody has this"]}):
        assert returned(ada, model, ASK_TAGGED, message="Hi", **arguments)["status"] == "error"
    assert types(ada.history())[-1] == "assistant_message"
