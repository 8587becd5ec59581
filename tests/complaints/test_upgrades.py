"""Upgrades of the former server left columns missing, never ran, or dropped what agents knew."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx2
import psycopg2
import pytest
from psycopg2.extras import Json

from letta.agents.model_config import LLMConfig
from letta.database import migrations
from letta.database.base import SCHEMA
from letta.database.embedded import EmbeddedPostgres
from letta.testing.postgres import throwaway_database, throwaway_schema
from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.older_database import migrate_to
from tests.support.servers import environment_of
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

REVISIONS = sorted(migrations.known_revisions())
AGENT = "agent-123e4567-e89b-42d3-8456-426614174000"
CONVERSATION = "conv-123e4567-e89b-42d3-8456-426614174000"
BLOCK = "block-123e4567-e89b-42d3-8456-426614174000"

MODEL_CONFIG = {
    "model": "gpt-4o-mini",
    "model_endpoint_type": "openai",
    "context_window": 30000,
    "handle": "openai-proxy/gpt-4o-mini",
    "provider_name": "openai",
    "put_inner_thoughts_in_kwargs": False,
}


def run(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    full = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
    return subprocess.run([sys.executable, *arguments], env=full, capture_output=True, text=True, check=False)


def execute(uri: str, statement: str, values: Any = None) -> list[Any]:
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def insert(uri: str, schema: str, table: str, **values: Any) -> None:
    """A row as code of any revision would have written it."""
    columns = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(["%s"] * len(values))
    given = [Json(value) if isinstance(value, dict | list) else value for value in values.values()]
    execute(uri, f"INSERT INTO {schema}.{table} ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING", given)


def live_a_little(uri: str, schema: str) -> None:
    """An agent with a block and a history."""
    from letta.organizations.actor import DEFAULT_ACTOR

    organization = DEFAULT_ACTOR.organization_id
    insert(uri, schema, "organizations", id=organization, name="default")
    insert(uri, schema, "users", id=DEFAULT_ACTOR.user_id, organization_id=organization, name="default")
    own = {"organization_id": organization}
    names = {"name": "Elder", "agent_type": "letta_v1_agent", "system": "Remember."}
    config = LLMConfig.model_validate(MODEL_CONFIG).model_dump()
    insert(uri, schema, "agents", id=AGENT, llm_config=config, **names, **own)
    insert(uri, schema, "conversations", id=CONVERSATION, agent_id=AGENT, is_default=True, **own)
    insert(uri, schema, "blocks", id=BLOCK, label="human", value="Her name is Ada.", limit=5000, **own)
    insert(uri, schema, "agents_blocks", agent_id=AGENT, block_id=BLOCK)
    for number, role in enumerate(("system", "user", "assistant")):
        message = f"message-123e4567-e89b-42d3-8456-42661417400{number}"
        content = [{"type": "text", "text": f"Said long ago by {role}."}]
        own_message = {"agent_id": AGENT, "conversation_id": CONVERSATION, "role": role, "content": content}
        insert(uri, schema, "messages", id=message, **own_message, **own)
        insert(uri, schema, "context_messages", conversation_id=CONVERSATION, position=number, message_id=message)


@pytest.fixture
def environment(embedded_uri: str, scripted_model: ScriptedModel) -> Iterator[dict[str, str]]:
    with throwaway_schema(embedded_uri) as schema:
        yield environment_of(embedded_uri, schema, scripted_model)


@pytest.mark.parametrize("revision", REVISIONS)
def test_from_every_revision_the_newest_version_goes_on_where_the_old_one_stopped(
    embedded_uri: str, model: ScriptedModel, revision: str
) -> None:
    with ExitStack() as stack:
        uri = stack.enter_context(throwaway_database(embedded_uri))
        migrate_to(uri, revision)
        assert execute(uri, f"SELECT version_num FROM {SCHEMA}.alembic_version") == [(revision,)]
        live_a_little(uri, SCHEMA)
        server = stack.enter_context(ServerProcess(environment_of(uri, SCHEMA, model)))
        http = stack.enter_context(httpx2.Client(base_url=server.url, timeout=60, trust_env=False))
        assert execute(uri, f"SELECT version_num FROM {SCHEMA}.alembic_version") == [(migrations.HEAD,)]
        talk = AgentTalk.of(http, AGENT)
        assert talk.agent["name"] == "Elder"
        assert talk.block("human") == "Her name is Ada."
        assert [m["content"] for m in talk.history()][1:] == ["Said long ago by user.", "Said long ago by assistant."]
        script = model.script(Reply("Of course."))
        assert talk.say(script.say("Do you know me?"))["messages"][-1]["content"] == "Of course."
        asked = str(script.requests[0].body["messages"])
        assert "Her name is Ada." in asked
        assert "Said long ago by user." in asked


def test_many_processes_that_migrate_at_once_make_one_schema(environment: dict[str, str]) -> None:
    full = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
    command = [sys.executable, "-m", "letta.cli", "migrate"]
    started = [
        subprocess.Popen(command, env=full, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(3)
    ]
    outputs = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], outputs
    assert sum("migrated from nothing" in output for output in outputs) >= 1
    schema = environment["LETTA_PG_SCHEMA"]
    assert execute(environment["LETTA_PG_URI"], f"SELECT version_num FROM {schema}.alembic_version") == [
        (migrations.HEAD,)
    ]


def test_a_migration_that_is_due_is_made_when_the_server_starts_and_once(environment: dict[str, str]) -> None:
    """Who installed the former server as a package had to know that migrations were there to be run."""
    with ServerProcess(environment) as server:
        server.wait_logged("migrated from nothing")
        server.restart()
        assert server.log.count("database schema migrated") == 1


def test_a_schema_of_a_newer_version_is_left_alone(environment: dict[str, str]) -> None:
    uri, schema = environment["LETTA_PG_URI"], environment["LETTA_PG_SCHEMA"]
    assert run(environment, "-m", "letta.cli", "migrate").returncode == 0
    execute(uri, f"UPDATE {schema}.alembic_version SET version_num = '9999'")
    for command in ("migrate", "server"):
        done = run(environment | {"PORT": "0"}, "-m", "letta.cli", command)
        assert done.returncode == 1
        assert "9999" in done.stderr
        assert "newer version" in done.stderr
        assert "Traceback" not in done.stderr
    assert execute(uri, f"SELECT version_num FROM {schema}.alembic_version") == [("9999",)]


def test_where_pgvector_is_missing_the_statement_that_makes_it_is_told(
    tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel
) -> None:
    """A role that may not create it gets the very line that an administrator has to run; then all is well."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("bare") / "data", database="bare")
    uri = postgres.start()
    try:
        execute(uri, "CREATE ROLE app LOGIN PASSWORD 'app'; GRANT CREATE ON DATABASE bare TO app")
        _, _, place = uri.partition("@")
        environment = environment_of(f"postgresql://app:app@{place}", "letta_test_app", model)
        refused = run(environment | {"PORT": "0"}, "-m", "letta.cli", "server")
        assert refused.returncode == 1
        statement = "CREATE EXTENSION vector WITH SCHEMA public;"
        assert statement in refused.stderr
        assert "Traceback" not in refused.stderr
        execute(uri, statement)
        assert run(environment, "-m", "letta.cli", "migrate").returncode == 0
    finally:
        postgres.stop()
