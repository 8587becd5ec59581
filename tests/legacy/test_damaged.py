"""Rows that nobody expects, and rows that refer to nothing, end no import: they are told, and all the rest is there."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.legacy.conftest import Environment, imported, letta, new_schema
from tests.legacy.former_server import FormerServer, former_server
from tests.legacy.world import (
    ADA,
    ARCHIVE,
    BOB,
    CAI,
    CUSTOMER,
    DAN,
    FOLDER,
    HUMAN,
    OLD,
    SERVER,
    fill,
    message,
    text,
    uid,
)

pytestmark = [pytest.mark.slow, pytest.mark.database]

HUGE = "x" * 12_000_000
DEEP = "[" * 3000 + "]" * 3000
LEFT_OUT = uid("message", 107)


@pytest.fixture(scope="module")
def damaged(postgres_uri: str) -> Iterator[FormerServer]:
    with former_server(postgres_uri, f"letta_test_former_{secrets.token_hex(4)}") as made:
        fill(made)
        _strange_messages(made)
        _strange_agents(made)
        _lost_parents(made)
        yield made


@pytest.fixture(scope="module")
def environment(
    postgres_uri: str,
    damaged: FormerServer,
    scripted_model: ScriptedModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Environment]:
    with new_schema(postgres_uri, damaged, scripted_model, tmp_path_factory.mktemp("damaged")) as made:
        yield made


def _strange_messages(server: FormerServer) -> None:
    returned = [{"tool_call_id": "x", "status": "?", "func_response": '{"status": "OK", "message": "broken'}]
    calls = [{"id": None, "function": None}, 5, {"function": {"arguments": {"a": 1}}}]
    for row in (
        message(100, ADA, "user", text(HUGE)),
        message(101, ADA, "user", '"no list"'),
        message(102, ADA, "user", '{"no": "list"}'),
        message(103, ADA, "user", '[1, null, {"no": "type"}, {"type": "text"}, {"type": "text", "text": "rest"}]'),
        message(104, ADA, "tool", None, tool_returns=returned),
        message(105, ADA, "assistant", [], tool_calls=calls),
        message(106, ADA, "alien", text("from elsewhere")),
        message(107, ADA, "tool", text("deep"), tool_returns=DEEP),
        message(108, uid("agent", 99), "user", text("whose?")),
        message(109, ADA, "user", text("when?"), created_at=None, updated_at=None),
    ):
        server.add("messages", row)


def _strange_agents(server: FormerServer) -> None:
    server.execute("UPDATE {}.agents SET message_ids = '{}' WHERE id = %s", BOB)
    strange = "llm_config = '[]', embedding_config = '5', compaction_settings = '[]', message_ids = 'null'"
    server.execute(f"UPDATE {{}}.agents SET {strange} WHERE id = %s", OLD)
    strange = "metadata_ = '[]', tool_rules = '\"x\"', response_format = '{\"type\": \"?\"}', name = NULL"
    server.execute(f"UPDATE {{}}.agents SET {strange} WHERE id = %s", CAI)
    model = json.dumps({"model": 5, "context_window": "large", "provider_name": "openai"})
    server.execute("UPDATE {}.agents SET llm_config = %s, timezone = '../etc' WHERE id = %s", model, DAN)
    server.execute('UPDATE {}.conversations SET model_settings = \'{"provider_type": "?"}\'')
    server.execute("UPDATE {}.identities SET properties = '[{\"key\": 1}]'")


def _lost_parents(server: FormerServer) -> None:
    server.execute("UPDATE {}.organizations SET is_deleted = true")
    for table, lost in (("sources", FOLDER), ("block", HUMAN), ("archives", ARCHIVE), ("mcp_server", SERVER)):
        server.execute(f"UPDATE {{}}.{table} SET is_deleted = true WHERE id = %s", lost)
    server.execute("DELETE FROM {}.sandbox_configs")
    server.execute("UPDATE {}.agents SET is_deleted = true WHERE id = %s", BOB)
    server.execute("UPDATE {}.groups SET manager_agent_id = %s", BOB)


def test_what_is_damaged_is_told_and_the_rest_is_brought_over(
    environment: Environment, scripted_model: ScriptedModel, tmp_path: Path
) -> None:
    told = imported(environment)
    for line in (
        f"Damaged rows of messages (RecursionError) that were left out: 1 ({107 * 10})",
        "Rows of files that refer to missing folders: left out: 3",
        f"Rows of agents_blocks that refer to missing blocks: left out: 1 ({HUMAN})",
        f"Rows of archives_agents that refer to missing archives: left out: 1 ({ARCHIVE})",
        f"Rows of groups that refer to missing agents: kept without: 1 ({BOB})",
        "Passages of files that do not exist: 1",
        f"The response format of an agent could not be used and was left out: 1 ({CAI})",
        f"Properties of an identity could not be used and was left out: 1 ({CUSTOMER})",
    ):
        assert f"- {line}" in told
    compared = letta(environment, "import-legacy", "--verify")
    assert compared.returncode == 0, compared.stdout + compared.stderr
    with ServerProcess(environment, directory=tmp_path) as server, server.client(max_retries=0) as client:
        assert {agent.id for agent in client.agents.list()} == {ADA, OLD, CAI, DAN}
        said = {each.id: each for each in client.agents.messages.list(ADA, limit=100, order="desc").items}
        assert said[uid("message", 100)].content == HUGE  # type: ignore[union-attr]
        assert said[uid("message", 101)].content == "no list"  # type: ignore[union-attr]
        assert said[uid("message", 103)].content == "rest"  # type: ignore[union-attr]
        assert said[uid("message", 104)].tool_return == '{"status": "OK", "message": "broken'  # type: ignore[union-attr]
        assert said[uid("message", 106)].message_type == "user_message"
        assert LEFT_OUT not in said
        for agent_id in (ADA, OLD, DAN):
            script = scripted_model.script(Reply("I am here."))
            assert client.agents.messages.create(agent_id, input=script.say(), max_steps=1).messages
        compared = letta(environment, "import-legacy", "--verify")
        assert compared.returncode == 0, f"what agents do since is no difference: {compared.stdout}"
