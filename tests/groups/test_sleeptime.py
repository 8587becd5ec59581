"""Agents that look after the memory of others: in the background of their turns, once, and never in their way."""

from typing import Any

import httpx2
from letta_client import Letta

from letta.testing.scripted_model import Call, Failure, Reply, Script, ScriptedModel
from tests.support.waiting import until
from tests.talking import AgentTalk, types

Json = dict[str, Any]

BLOCKS = [{"label": "human", "value": "Name: Ada."}, {"label": "persona", "value": "A butler."}]
FINISH = Call("memory_finish_edits", {})


def note(text: str) -> Call:
    return Call("memory_insert", {"label": "human", "new_string": text})


class Cared(AgentTalk):
    """An agent whose memory another one looks after."""

    def __init__(self, http: httpx2.Client, **settings: Any) -> None:
        super().__init__(http, **({"enable_sleeptime": True, "memory_blocks": BLOCKS} | settings))

    @property
    def carer(self) -> AgentTalk:
        return AgentTalk.of(self.http, self.group["agent_ids"][0])

    @property
    def group(self) -> Json:
        group: Json = self.retrieve("managed_group")["managed_group"]
        return group

    def every(self, turns: int | None) -> None:
        """Let the other one work after so many turns."""
        config = {"manager_type": "sleeptime", "sleeptime_agent_frequency": turns}
        self.http.patch(f"/v1/groups/{self.group['id']}", json={"manager_config": config}).raise_for_status()

    def say_and_note(self, model: ScriptedModel, text: str, *replies: Reply) -> tuple[Json, Script]:
        """The answer to a message, after which the other one is to reply so; and its script."""
        care = model.script(*replies)
        # The other one is told what was said: the last script that it names there is its own.
        answer = self.say(model.script(Reply(f"Noted. {care.marker}")).say(text))
        return answer, care

    def ended(self, run_id: str) -> Json:
        until(lambda: self.run(run_id)["completed_at"])
        return self.run(run_id)


def run_ids(answer: Json) -> list[str]:
    return list(answer["usage"]["run_ids"] or ())


def test_an_agent_is_made_that_shares_all_blocks(http: httpx2.Client) -> None:
    talk = Cared(http, name="Ada")
    group = talk.group
    assert talk.agent["managed_group"] == talk.agent["multi_agent_group"] == group
    expected = {"manager_type": "sleeptime", "manager_agent_id": talk.id, "sleeptime_agent_frequency": 5}
    assert group == group | expected | {"turns_counter": -1, "description": "", "last_processed_message_id": None}
    carer = talk.carer.retrieve("blocks", "tools", "managed_group")
    assert (carer["name"], carer["agent_type"]) == ("Ada-sleeptime", "sleeptime_agent")
    shared = {block["id"] for block in talk.retrieve("blocks")["blocks"]}
    assert {block["id"] for block in carer["blocks"] if block["label"] != "memory_persona"} == shared
    assert {"memory_persona", "human", "persona"} == {block["label"] for block in carer["blocks"]}
    names = {"memory_replace", "memory_insert", "memory_rethink", "memory_finish_edits"}
    assert {tool["name"] for tool in carer["tools"]} == names
    rules = {rule["tool_name"]: rule["type"] for rule in carer["tool_rules"]}
    assert rules == dict.fromkeys(names, "continue_loop") | {"memory_finish_edits": "exit_loop"}
    assert carer["managed_group"] is None
    assert carer["llm_config"]["handle"] == talk.agent["llm_config"]["handle"]


def test_the_tools_of_an_agent_that_is_cared_for(client: Letta) -> None:
    agent = client.agents.create(model="openai-proxy/gpt-4o-mini", enable_sleeptime=True)
    names = {"send_message": "exit_loop", "archival_memory_search": "continue_loop"}
    names |= {"conversation_search": "continue_loop"}
    assert {rule.tool_name: rule.type for rule in agent.tool_rules or ()} == names
    assert {tool.name for tool in agent.tools} == names.keys()


def test_memory_is_edited_behind_the_turn(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    answer, care = talk.say_and_note(model, "I like tea.", Reply(calls=[note("Likes tea.")]), Reply(calls=[FINISH]))
    (run_id,) = run_ids(answer)
    run = talk.ended(run_id)
    assert (run["status"], run["agent_id"], run["stop_reason"]) == ("completed", talk.carer.id, "tool_rule")
    assert run["metadata"]["run_type"] == "sleeptime_agent_send_message_async"
    assert talk.block("human") == "Name: Ada.\nLikes tea."
    told = care.requests[0].body["messages"][-1]["content"]
    assert "I like tea." in told
    assert "Noted." in told
    talk.say("Hello.")
    assert talk.history()[0]["content"].count("Likes tea.") == 1, "it sees that in its next turn"
    listed = http.get(f"/v1/groups/{talk.group['id']}/messages").json()
    assert [message["content"] for message in listed] == [told]


def test_the_first_turn_and_then_every_so_many(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    talk.every(2)
    worked = []
    for number in range(4):
        answer, care = talk.say_and_note(model, f"Number {number}.", Reply(calls=[FINISH]))
        worked.append(bool(run_ids(answer)))
        for run_id in run_ids(answer):
            assert talk.ended(run_id)["status"] == "completed"
            said = care.requests[0].body["messages"][-1]["content"]
            # Each time all that was said since, and nothing twice.
            assert [f"Number {other}." in said for other in range(4)] == [
                number - 2 < other <= number for other in range(4)
            ]
    assert worked == [True, False, True, False]
    assert talk.group["turns_counter"] == 3


def test_null_means_every_turn(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    talk.every(None)
    for _ in range(2):
        answer, _ = talk.say_and_note(model, "Hello.", Reply(calls=[FINISH]))
        talk.ended(*run_ids(answer))


def test_what_came_while_it_was_busy_is_told_in_one_go(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    talk.every(1)
    answer, care = talk.say_and_note(model, "One.", Reply(calls=[FINISH], hold=True))
    care.wait_asked(1)
    second, _ = talk.say_and_note(model, "Two.", Reply(calls=[FINISH]))
    third, last = talk.say_and_note(model, "Three.", Reply(calls=[FINISH]))
    assert run_ids(second) == run_ids(third)
    assert talk.run(*run_ids(second))["status"] == "created"
    care.release()
    assert talk.ended(*run_ids(answer))["status"] == talk.ended(*run_ids(third))["status"] == "completed"
    said = last.requests[0].body["messages"][-1]["content"]
    assert [word in said for word in ("One.", "Two.", "Three.")] == [False, True, True]


def test_its_failure_harms_nobody_and_it_is_told_again(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    talk.every(1)
    answer, _ = talk.say_and_note(model, "I like tea.", Reply(error=Failure("auth")))
    assert types(answer["messages"]) == ["assistant_message"]
    assert talk.ended(*run_ids(answer))["status"] == "failed"
    answer, care = talk.say_and_note(model, "And cake.", Reply(calls=[note("Tea, cake.")]), Reply(calls=[FINISH]))
    assert talk.ended(*run_ids(answer))["status"] == "completed"
    said = care.requests[0].body["messages"][-1]["content"]
    assert "I like tea." in said
    assert "And cake." in said
    assert talk.block("human").endswith("Tea, cake.")


def test_turns_that_fail_or_wait_do_not_count(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    assert talk.post({"input": model.script(Reply(error=Failure("auth"))).say()}).status_code >= 400
    assert talk.group["turns_counter"] == -1


def test_it_can_be_switched_on_and_off(http: httpx2.Client, client: Letta, model: ScriptedModel) -> None:
    talk = AgentTalk(http, memory_blocks=BLOCKS)
    assert talk.agent["managed_group"] is None
    assert talk.say("Hello.")["usage"]["run_ids"] is None
    on = client.agents.update(talk.id, enable_sleeptime=True)
    assert on.managed_group is not None
    assert run_ids(talk.say("Hello."))
    assert client.agents.update(talk.id, enable_sleeptime=False).managed_group is not None
    assert run_ids(talk.say("Hello.")) == []
    again = client.agents.update(talk.id, enable_sleeptime=True).managed_group
    assert again is not None
    assert (again.id, again.agent_ids) == (on.managed_group.id, on.managed_group.agent_ids)


def test_who_is_cared_for_takes_the_other_along(http: httpx2.Client) -> None:
    talk = Cared(http)
    blocks = [block["id"] for block in talk.retrieve("blocks")["blocks"]]
    group_id = talk.group["id"]
    carer = talk.carer.id
    http.delete(f"/v1/agents/{talk.id}").raise_for_status()
    assert http.get(f"/v1/agents/{carer}").status_code == 404
    assert http.get(f"/v1/groups/{group_id}").status_code == 404
    assert [http.get(f"/v1/blocks/{block}").status_code for block in blocks] == [200, 200]


def test_so_do_those_who_look_after_that_one(http: httpx2.Client) -> None:
    talk = Cared(http)
    carer = talk.carer.id
    further = http.patch(f"/v1/agents/{carer}", json={"enable_sleeptime": True}).json()["managed_group"]["agent_ids"]
    circle = {"manager_type": "sleeptime", "manager_agent_id": further[0]}
    body = {"agent_ids": [carer], "description": "", "manager_config": circle}
    http.post("/v1/groups", json=body).raise_for_status()
    http.delete(f"/v1/agents/{talk.id}").raise_for_status()
    assert [http.get(f"/v1/agents/{each}").status_code for each in (carer, *further)] == [404, 404]


def test_without_its_group_nothing_happens(http: httpx2.Client) -> None:
    talk = Cared(http)
    http.delete(f"/v1/groups/{talk.group['id']}").raise_for_status()
    assert talk.retrieve()["enable_sleeptime"] is False
    assert talk.say("Hello.")["usage"]["run_ids"] is None


def test_a_group_of_ones_own_looks_after_memory(http: httpx2.Client, model: ScriptedModel) -> None:
    talk, carer = AgentTalk(http), AgentTalk(http)
    config = {"manager_type": "sleeptime", "manager_agent_id": talk.id, "sleeptime_agent_frequency": 1}
    made = http.post("/v1/groups", json={"agent_ids": [carer.id], "description": "", "manager_config": config})
    assert made.status_code == 200
    (run_id,) = run_ids(talk.say("Hello."))
    until(lambda: talk.run(run_id)["status"] == "completed")
    assert "Hello." in carer.history()[1]["content"]
    assert http.get(f"/v1/agents/{carer.id}/groups").json() == [http.get(f"/v1/groups/{made.json()['id']}").json()]
    assert http.get(f"/v1/agents/{talk.id}/groups").json() == []


def test_a_run_that_waits_can_be_cancelled(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    talk.every(1)
    first, care = talk.say_and_note(model, "One.", Reply(calls=[FINISH], hold=True))
    care.wait_asked(1)
    second, never = talk.say_and_note(model, "Two.", Reply(calls=[FINISH]))
    assert talk.carer.cancel(run_ids=run_ids(second)) == {run_ids(second)[0]: "cancelled"}
    care.release()
    talk.ended(*run_ids(first))
    assert talk.run(*run_ids(second))["status"] == "cancelled"
    assert never.requests == []
