"""What is under way while a backup is made, and has to go on where it is restored."""

from typing import Any, cast

import httpx2

from letta.testing.scripted_model import Call, Reply, Script, ScriptedModel
from tests.archives.rememberer import EMBEDDING, Rememberer
from tests.support.waiting import until
from tests.talking import AgentTalk

_PASSAGES = ["The spare key lies under the blue pot.", "The dentist is on Tuesday.", "Nobody likes the green sofa."]
_INSERT = {"label": "human", "new_string": "Lives by the sea."}


class Living:
    """Archival memory with vectors, a call that waits for a decision, and a turn in the middle of a model's answer."""

    def __init__(self, model: ScriptedModel, http: httpx2.Client) -> None:
        blocks = [{"label": "human", "value": "Name: Ada."}]
        keeper = Rememberer(http, embedding=EMBEDDING)
        keeper.keep(*_PASSAGES)
        self.vectors = _vectors(keeper)
        assert all(self.vectors)
        rules = [{"type": "requires_approval", "tool_name": "memory_insert"}]
        asker = AgentTalk(http, memory_blocks=blocks, include_base_tools=True, tool_rules=rules)
        text = model.script(Reply(calls=[Call("memory_insert", _INSERT)]), Reply("It is noted.")).say("By the sea.")
        (self.request,) = (m for m in asker.say(text)["messages"] if m["message_type"] == "approval_request_message")
        runner = AgentTalk(http)
        self.held: Script = model.script(Reply("Here is the long answer.", hold=True))
        started = http.post(f"{runner.path}/async", json={"input": self.held.say("Take your time.")})
        self.run_id: str = started.raise_for_status().json()["id"]
        until(lambda: self.held.requests)
        self.agents = {"keeper": keeper.id, "asker": asker.id, "runner": runner.id}

    def goes_on(self, model: ScriptedModel, http: httpx2.Client) -> None:
        """Check that all of it does on another server."""
        keeper = cast(Rememberer, Rememberer.of(http, self.agents["keeper"]))
        assert _vectors(keeper) == self.vectors
        assert "under the blue pot" in keeper.find("where is the spare key")[0]
        keeper.keep("The ladder stands behind the shed.")
        assert "behind the shed" in keeper.find("where is the ladder")[0]

        asker = AgentTalk.of(http, self.agents["asker"])
        call = self.request["tool_call"]["tool_call_id"]
        approval = {"type": "approval", "approve": True, "tool_call_id": call}
        answer = asker.send({"type": "approval", "approvals": [approval]})
        assert [m["content"] for m in answer["messages"] if m["message_type"] == "assistant_message"] == [
            "It is noted."
        ]
        block = http.get(f"/v1/agents/{asker.id}/core-memory/blocks/human").json()["value"]
        assert "Lives by the sea." in block

        asked = len(self.held.requests)
        until(lambda: len(self.held.requests) > asked or self._status(http) != "running", 60)
        self.held.release()
        until(lambda: self._status(http) == "completed", 60)
        runner = AgentTalk.of(http, self.agents["runner"])
        said = [m["content"] for m in runner.history() if m["message_type"] == "assistant_message"]
        assert said == ["Here is the long answer."]
        for agent in self.agents.values():
            talk = AgentTalk.of(http, agent)
            assert talk.say("Are you still there?")["stop_reason"]["stop_reason"] == "end_turn"

    def _status(self, http: httpx2.Client) -> str:
        return str(http.get(f"/v1/runs/{self.run_id}").json()["status"])


def _vectors(keeper: Rememberer) -> dict[str, Any]:
    return {passage["text"]: passage["embedding"] for passage in keeper.passages()}
