"""An approved edit that the database could not take in stays to be approved: it is neither lost nor told as done."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.approvals.conftest import decision, insert
from tests.support.servers import database_of
from tests.talking import AgentTalk

pytestmark = [pytest.mark.database, pytest.mark.slow]

LINE = "Likes outages."


@contextmanager
def blocks_refused(server: ServerProcess) -> Iterator[None]:
    """While it lasts, the database takes no edit of a block with our line; all else it does."""
    with database_of(server) as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'read-only' USING ERRCODE = '25006'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER refused BEFORE UPDATE ON blocks FOR EACH ROW WHEN (NEW.value LIKE '%{LINE}%') "
            "EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        with database_of(server) as cursor:
            cursor.execute("DROP TRIGGER refused ON blocks")
            cursor.execute("DROP FUNCTION refuse()")


@pytest.fixture
def asked(server: ServerProcess, agent: AgentTalk, model: ScriptedModel) -> dict[str, Any]:
    """A decision about an edit, which failed as the database would not take the edit."""
    script = model.script(Reply(calls=[insert(LINE, "call_1")]), Reply("It is kept."))
    agent.say(script.say("Keep it."))
    answer = decision("call_1", approve=True) | {"otid": str(uuid.uuid4())}
    with blocks_refused(server):
        agent.refused(503, messages=[answer])
    assert LINE not in block(agent)
    return answer


def block(agent: AgentTalk) -> str:
    found = agent.http.get(f"/v1/agents/{agent.id}/core-memory/blocks/human")
    return str(found.raise_for_status().json()["value"])


def test_the_same_decision_sent_again_makes_the_edit(agent: AgentTalk, asked: dict[str, Any]) -> None:
    answer = agent.send(asked)
    assert answer["stop_reason"]["stop_reason"] == "end_turn"
    assert block(agent).count(LINE) == 1
    returned = [m for m in agent.history() if m["message_type"] == "tool_return_message"]
    assert [m["status"] for m in returned] == ["success"]


def test_another_decision_is_heard(agent: AgentTalk, asked: dict[str, Any]) -> None:
    agent.refused(409, messages=[{"role": "user", "content": "And now?"}])
    agent.send(decision("call_1", approve=False, reason="Not any more."))
    assert LINE not in block(agent)


def test_it_may_be_approved_once_only(agent: AgentTalk, asked: dict[str, Any]) -> None:
    agent.send(decision("call_1", approve=True))
    agent.send(asked)  # its client gave up in between, and tries again later
    assert block(agent).count(LINE) == 1
