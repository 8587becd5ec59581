"""With an agent travel those who look after its memory, and the groups of a file's agents."""

import json
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.agent_files.conftest import Files, Json, agent_file
from tests.agent_files.test_round_trip import comparable
from tests.groups.test_sleeptime import FINISH, Cared, note, run_ids
from tests.talking import AgentTalk


def imported(http: httpx2.Client, files: Files, file: Json, **form: str) -> Cared:
    """The agent that is looked after, of a file of two."""
    first, second = files.load(file, **form)["agent_ids"]
    talk = Cared.of(http, first)
    assert isinstance(talk, Cared)
    assert talk.carer.id == second
    return talk


def test_who_looks_after_an_agents_memory_travels_along(
    http: httpx2.Client, files: Files, model: ScriptedModel
) -> None:
    talk = Cared(http, name="Ada")
    talk.every(3)
    answer, _ = talk.say_and_note(model, "I like tea.", Reply(calls=[note("Likes tea.")]), Reply(calls=[FINISH]))
    talk.ended(*run_ids(answer))
    file = files.export(talk.id)
    assert [agent["name"] for agent in file["agents"]] == ["Ada", "Ada-sleeptime"]
    (group,) = file["groups"]
    expected: Json = {"manager_type": "sleeptime", "manager_agent_id": "agent-0", "sleeptime_agent_frequency": 3}
    assert (group["id"], group["agent_ids"], group["manager_config"]) == ("group-0", ["agent-1"], expected)
    main, carer = file["agents"]
    assert main["group_ids"] == carer["group_ids"] == ["group-0"]
    assert set(main["block_ids"]) < set(carer["block_ids"]), "blocks that are shared are in it once"
    assert {m["agent_id"] for m in carer["messages"]} == {"agent-1"}
    ids = [m["id"] for agent in file["agents"] for m in agent["messages"]]
    assert len(ids) == len(set(ids))
    copied = imported(http, files, file, append_copy_suffix="false")
    assert comparable(files.export(copied.id)) == comparable(file)
    assert copied.retrieve()["enable_sleeptime"] is True


def test_what_was_dealt_with_is_not_told_again(http: httpx2.Client, files: Files, model: ScriptedModel) -> None:
    talk = Cared(http)
    answer, _ = talk.say_and_note(model, "I like tea.", Reply(calls=[FINISH]))
    talk.ended(*run_ids(answer))
    copied = imported(http, files, files.export(talk.id))
    answer, care = copied.say_and_note(model, "And milk.", Reply(calls=[note("Likes milk.")]), Reply(calls=[FINISH]))
    copied.ended(*run_ids(answer))
    told = care.requests[0].body["messages"][-1]["content"]
    assert ("And milk." in told, "I like tea." in told) == (True, False)
    assert copied.block("human") == "Name: Ada.\nLikes milk."
    assert talk.block("human") == "Name: Ada."


def test_an_agent_of_an_older_file_is_looked_after_as_well(http: httpx2.Client, files: Files) -> None:
    """Files told that memory is looked after, but not by whom."""
    talk = files.agent(agent_file(enable_sleeptime=True))
    group = talk.retrieve("managed_group")["managed_group"]
    assert group["manager_type"] == "sleeptime"
    assert AgentTalk.of(http, group["agent_ids"][0]).agent["agent_type"] == "sleeptime_agent"


def test_messages_of_both_are_left_out_if_that_is_wanted(http: httpx2.Client, files: Files) -> None:
    talk = Cared(http)
    file = files.export(talk.id, scrub_messages="true")
    assert [agent["messages"] for agent in file["agents"]] == [[], []]
    assert "I look after" in json.dumps(file["blocks"])


def two_agents(**group: Any) -> Json:
    file = agent_file()
    second = file["agents"][0] | {"id": "agent-1", "name": "Second", "block_ids": []}
    block = {"id": "block-0", "label": "board", "value": "Shared."}
    entry = {"id": "group-0", "agent_ids": ["agent-0", "agent-1"], "description": "Two."} | group
    return file | {"agents": [*file["agents"], second], "blocks": [block], "groups": [entry]}


@pytest.mark.parametrize(
    "config",
    [
        {"manager_type": "round_robin", "max_turns": 3},
        {"manager_type": "supervisor", "manager_agent_id": "agent-0"},
        {"manager_type": "dynamic", "manager_agent_id": "agent-1", "termination_token": "OVER!", "max_turns": None},
        {"manager_type": "sleeptime", "manager_agent_id": "agent-0", "sleeptime_agent_frequency": None},
    ],
)
def test_groups_of_all_kinds_are_imported(http: httpx2.Client, files: Files, config: Json) -> None:
    answer = files.load(two_agents(manager_config=config, shared_block_ids=["block-0"]))
    assert answer["not_imported"] == {}
    (group,) = http.get(f"/v1/agents/{answer['agent_ids'][1]}/groups").json()
    stored = {"agent-0": answer["agent_ids"][0], "agent-1": answer["agent_ids"][1]}
    wanted = config | {name: stored[value] for name, value in config.items() if name == "manager_agent_id"}
    assert group == group | wanted | {"agent_ids": answer["agent_ids"], "description": "Two."}
    assert all(AgentTalk.of(http, each).block("board") == "Shared." for each in answer["agent_ids"])


@pytest.mark.parametrize(
    "group",
    [
        {"agent_ids": ["agent-7"]},
        {"agent_ids": [["agent-0"]]},
        {"manager_config": {"manager_type": "supervisor"}},
        {"manager_config": {"manager_type": "supervisor", "manager_agent_id": "agent-7"}},
        {"manager_config": {"manager_type": "supervisor", "manager_agent_id": {"a": 1}}},
        {"manager_config": {"manager_type": "voice_sleeptime", "manager_agent_id": "agent-0"}},
        {"manager_config": {"manager_type": "committee"}},
        {"shared_block_ids": ["block-7"]},
    ],
)
def test_groups_that_can_not_be_made_are_counted(files: Files, group: Json) -> None:
    answer = files.load(two_agents(**group))
    assert (len(answer["agent_ids"]), answer["not_imported"]) == (2, {"groups": 1})


def test_isolated_blocks_are_shared_in_the_file_too(http: httpx2.Client, files: Files) -> None:
    talk = Cared(http)
    made = http.post(
        "/v1/conversations", params={"agent_id": talk.id}, json={"isolated_block_labels": ["human"]}
    ).json()
    (isolated,) = made["isolated_block_ids"]
    http.patch(f"/v1/blocks/{isolated}", json={"value": "Name: Bo."}).raise_for_status()
    file = files.export(talk.id, conversation_id=made["id"])
    values = [block["value"] for block in file["blocks"] if block["label"] == "human"]
    assert values == ["Name: Bo."]
    copied = imported(http, files, file)
    assert copied.block("human") == copied.carer.block("human") == "Name: Bo."


def test_templates_make_agents_that_are_looked_after(http: httpx2.Client) -> None:
    talk = Cared(http)
    made = http.post("/v1/templates", json={"type": "agent", "agent_id": talk.id, "name": "cared-for"})
    assert made.status_code == 200, made.text
    deployed = http.post("/v1/templates/cared-for/agents", json={"agent_name": "Bo"}).json()
    first, second = deployed["agent_ids"]
    group = AgentTalk.of(http, first).retrieve("managed_group")["managed_group"]
    assert (group["manager_type"], group["agent_ids"]) == ("sleeptime", [second])


class TestBlocksThatAreAttachedLater:
    """They are shared with who looks after the memory."""

    @pytest.fixture
    def talk(self, http: httpx2.Client) -> Cared:
        return Cared(http)

    @pytest.fixture
    def block(self, http: httpx2.Client) -> str:
        made = http.post("/v1/blocks", json={"label": "tastes", "value": "Tea."}).raise_for_status()
        return str(made.json()["id"])

    def ids(self, talk: AgentTalk) -> set[str]:
        return {block["id"] for block in talk.retrieve("blocks")["blocks"]}

    def test_attached(self, http: httpx2.Client, talk: Cared, block: str) -> None:
        for _ in range(2):
            http.patch(f"/v1/agents/{talk.id}/core-memory/blocks/attach/{block}").raise_for_status()
        assert block in self.ids(talk.carer)

    def test_set(self, http: httpx2.Client, talk: Cared, block: str) -> None:
        http.patch(f"/v1/agents/{talk.id}", json={"block_ids": [block]}).raise_for_status()
        assert block in self.ids(talk.carer)

    def test_made_by_the_agent_itself(self, http: httpx2.Client, model: ScriptedModel) -> None:
        talk = Cared(http, tools=["memory"])
        given = {"command": "create", "path": "/memories/tastes", "file_text": "Tea.", "description": "What they like."}
        create = Call("memory", given)
        talk.say(model.script(Reply(calls=[create]), Reply("Noted.")).say())
        assert talk.carer.block("tastes") == talk.block("tastes") == "Tea."

    def test_a_label_of_its_own_stays_its_own(self, http: httpx2.Client, talk: Cared) -> None:
        block = http.post("/v1/blocks", json={"label": "memory_persona", "value": "Mine."}).json()["id"]
        http.patch(f"/v1/agents/{talk.id}/core-memory/blocks/attach/{block}").raise_for_status()
        assert talk.block("memory_persona") == "Mine."
        assert block not in self.ids(talk.carer)
        assert talk.carer.block("memory_persona") != "Mine."

    def test_the_carer_sees_it_in_its_next_turn(
        self, http: httpx2.Client, talk: Cared, block: str, model: ScriptedModel
    ) -> None:
        http.patch(f"/v1/agents/{talk.id}/core-memory/blocks/attach/{block}").raise_for_status()
        edit = Call("memory_insert", {"label": "tastes", "new_string": "Milk."})
        answer, care = talk.say_and_note(model, "Milk, too.", Reply(calls=[edit]), Reply(calls=[FINISH]))
        talk.ended(*run_ids(answer))
        assert "Tea." in care.requests[0].body["messages"][0]["content"]
        assert talk.block("tastes") == "Tea.\nMilk."
