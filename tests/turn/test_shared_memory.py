"""Agents that wrote to one block at the same time got conflicts: here nothing is lost, and no writer is sent away."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.talking import AgentTalk

MANY = 6


def _line(name: str) -> Call:
    return Call("memory_insert", {"label": "shared", "new_string": name})


def test_turns_and_people_who_write_one_block_at_once(
    http: httpx2.Client, server: ServerProcess, model: ScriptedModel
) -> None:
    """Several agents, twice each, while its description is changed through the API."""
    values: dict[str, Any] = {"label": "shared", "value": "Beginning."}
    block = http.post("/v1/blocks", json=values).raise_for_status().json()
    agents = [AgentTalk(http, tools=["memory_insert"], block_ids=[block["id"]]) for _ in range(MANY)]
    scripts = [
        model.script(
            Reply(calls=[_line(f"First of {n}.")], hold=True), Reply(calls=[_line(f"Second of {n}.")]), Reply("Done.")
        )
        for n in range(MANY)
    ]

    def describe(number: int) -> int:
        return http.patch(f"/v1/blocks/{block['id']}", json={"description": f"Description {number}"}).status_code

    log = len(server.log)
    with ThreadPoolExecutor(2 * MANY) as pool:
        turns = [pool.submit(agent.say, script.say()) for agent, script in zip(agents, scripts, strict=True)]
        for script in scripts:
            script.wait_asked()
        for script in scripts:
            script.release()
        changes = [pool.submit(describe, number) for number in range(MANY)]
        answers = [turn.result(30) for turn in turns]
        assert {change.result(30) for change in changes} == {200}
    assert {answer["stop_reason"]["stop_reason"] for answer in answers} == {"end_turn"}
    returned = [m for answer in answers for m in answer["messages"] if m["message_type"] == "tool_return_message"]
    assert {m["status"] for m in returned} == {"success"}
    lines = http.get(f"/v1/blocks/{block['id']}").json()["value"].split("\n")
    assert sorted(lines[1:]) == sorted(f"{which} of {n}." for n in range(MANY) for which in ("First", "Second"))
    assert "Traceback" not in server.log[log:]
