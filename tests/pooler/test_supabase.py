"""The server on a database as Supabase offers it: transaction-mode pooler, TLS, few rights."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from letta_client import Letta

from letta.archives.vector_index_repository import leads_to_session
from letta.database.dsn import parse_dsn
from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.pooler.supabase_like import PASSWORD, POOL_SIZE, SupabaseLike
from tests.support.servers import environment_of

pytestmark = [pytest.mark.pooler, pytest.mark.slow]

MODEL = "openai-proxy/gpt-4o-mini"
CLIENTS = 4 * POOL_SIZE


def query(uri: str, statement: str, *values: object) -> list[Any]:
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]


def test_the_stand_in_is_as_strict_as_what_it_stands_for(supabase: SupabaseLike) -> None:
    assert query(supabase.uri, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [False]
    assert query(
        supabase.uri, "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
    ) == ["extensions"]
    with pytest.raises(psycopg2.OperationalError, match="SSL required"):
        psycopg2.connect(supabase.uri.split("?")[0] + "?sslmode=disable")
    with pytest.raises(psycopg2.OperationalError, match="unsupported startup parameter"):
        psycopg2.connect(supabase.uri, options="-c search_path=public")


def test_an_agent_edits_its_memory_in_a_turn_of_several_steps(client: Letta, model: ScriptedModel) -> None:
    agent = client.agents.create(model=MODEL, memory_blocks=[{"label": "human", "value": "Ada."}])
    script = model.script(
        Reply(calls=[Call("memory_insert", {"label": "human", "new_string": "Likes tea."})]), Reply("Noted.")
    )
    answer = client.agents.messages.create(agent.id, input=script.say("I like tea."))
    assert answer.messages[-1].message_type == "assistant_message"
    assert "Likes tea." in client.agents.blocks.retrieve("human", agent_id=agent.id).value
    with client.agents.messages.create(agent.id, input="And now?", streaming=True) as events:
        assert [event.message_type for event in events][-1] == "usage_statistics"
    contents = [getattr(message, "content", None) for message in client.agents.messages.list(agent.id)]
    assert "And now?" in contents


def test_more_agents_at_once_than_the_pooler_has_connections(server: ServerProcess, model: ScriptedModel) -> None:
    with server.client(max_retries=0) as client:
        agents = [client.agents.create(model=MODEL).id for _ in range(CLIENTS)]
        script = model.script(Reply("Here."))

        def turn(agent: str) -> str:
            answer = client.agents.messages.create(agent, input=script.say(f"I am {agent}."))
            return str(getattr(answer.messages[-1], "content", None))

        with ThreadPoolExecutor(CLIENTS) as threads:
            assert list(threads.map(turn, agents)) == ["Here."] * CLIENTS


def test_nothing_of_ours_stays_on_shared_connections(
    supabase: SupabaseLike, client: Letta, model: ScriptedModel
) -> None:
    agent = client.agents.create(model=MODEL)
    client.agents.messages.create(agent.id, input="Hello.")
    connections = [psycopg2.connect(supabase.uri) for _ in range(POOL_SIZE)]
    for connection in connections:  # each in a transaction, so each on a server connection of its own
        with connection.cursor() as cursor:
            cursor.execute("SHOW search_path")
            assert cursor.fetchone() == ('"$user", public, extensions',)
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("2min",)
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            assert cursor.fetchone() == (0,)
    for connection in connections:
        connection.close()
    assert query(supabase.admin_uri, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [0]


def test_the_data_api_sees_nothing_of_ours(supabase: SupabaseLike, schema: str, client: Letta) -> None:
    client.agents.create(model=MODEL)
    assert query(supabase.admin_uri, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [0]
    for role in ("anon", "authenticated"):
        assert query(supabase.admin_uri, "SELECT has_schema_privilege(%s, %s, 'usage')", role, schema) == [False]
        assert (
            query(
                supabase.admin_uri,
                "SELECT tablename FROM pg_tables WHERE schemaname = %s"
                " AND has_table_privilege(%s, quote_ident(schemaname) || '.' || quote_ident(tablename), 'select')",
                schema,
                role,
            )
            == []
        )


def test_two_instances_of_a_deploy_start_at_once_and_share_the_session_pooler(
    supabase: SupabaseLike, scripted_model: ScriptedModel
) -> None:
    with throwaway_schema(supabase.admin_uri) as schema:
        environment = environment_of(supabase.session_uri, schema, scripted_model)
        old, new = ServerProcess(environment), ServerProcess(environment)
        try:
            old.start(wait=False)
            new.start()
            old.wait_healthy()
            agent = old.client().agents.create(model=MODEL)
            new.client().agents.messages.create(agent.id, input="Hello.")
            messages = old.client().agents.messages.list(agent.id)
            assert "Hello." in [getattr(message, "content", None) for message in messages]
            ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'letta/%%'"
            assert query(supabase.admin_uri, ours)[0] <= 10
        finally:
            old.stop()
            new.stop()


@pytest.mark.parametrize("mode", ["transaction", "session"])
@pytest.mark.parametrize(
    "form",
    [
        "{uri}",
        "  {uri}\n",
        '"{uri}"',
        "{postgres}",
        "{asyncpg}",
        "{psycopg2}",
        "{uri}&pgbouncer=true",
        "{uri}&supa=base-pooler.x&connection_limit=1",
        "{uri}&schema=x&pool_timeout=3",
        "{uri}&options=-csearch_path%3Dx",
        "{raw}",
    ],
)
def test_every_form_of_the_connection_string_connects(supabase: SupabaseLike, mode: str, form: str) -> None:
    uri = supabase.uri if mode == "transaction" else supabase.session_uri
    written = form.format(
        uri=uri,
        postgres=uri.replace("postgresql://", "postgres://"),
        asyncpg=uri.replace("postgresql://", "postgresql+asyncpg://"),
        psycopg2=uri.replace("postgresql://", "postgresql+psycopg2://"),
        raw=uri.replace(quote(PASSWORD, safe=""), PASSWORD),
    )
    dsn = parse_dsn(written)
    assert PASSWORD not in dsn.masked()
    with closing(psycopg2.connect(**dsn.connect_arguments("letta-test"))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("postgres",)


def test_passages_are_found(client: Letta) -> None:
    archive = client.archives.create(name="facts", embedding="openai/text-embedding-3-small")
    client.archives.passages.create(archive.id, text="Ada's favourite drink is green tea.")
    client.archives.passages.create(archive.id, text="The library closes at eight.")
    found = client.passages.search(query="What does Ada drink?", archive_id=archive.id, limit=1)
    assert [result.passage.text for result in found] == ["Ada's favourite drink is green tea."]


def test_a_way_that_keeps_no_session_is_told_from_one_that_does(supabase: SupabaseLike) -> None:
    assert not leads_to_session(parse_dsn(supabase.uri))
    assert leads_to_session(parse_dsn(supabase.session_uri))
