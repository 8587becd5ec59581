"""With some thousand messages the former server froze as a whole, and describing an agent took minutes."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx2
import psycopg2
import pytest

from letta.testing.postgres import PostgresWire, Traffic, throwaway_schema
from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import environment_of
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]

LARGE, LARGER = 2_000, 100_000
FILL = """
    INSERT INTO {schema}.messages (id, organization_id, agent_id, conversation_id, role, content, created_at)
    SELECT 'message-' || gen_random_uuid(), c.organization_id, c.agent_id, c.id,
        CASE WHEN n %% 2 = 0 THEN 'user' ELSE 'assistant' END,
        jsonb_build_array(jsonb_build_object('type', 'text', 'text', 'Said as number ' || n)),
        now() - interval '1 second' * (%(count)s - n)
    FROM {schema}.conversations c, generate_series(1, %(count)s) n
    WHERE c.agent_id = %(agent)s AND c.is_default
"""


class Histories:
    """A server, the traffic to its database, and agents of a past of some length."""

    def __init__(self, wire: PostgresWire, http: httpx2.Client, uri: str, schema: str) -> None:
        self.wire, self.http, self.uri, self.schema = wire, http, uri, schema
        self.talks = {count: self._agent(count) for count in (10, LARGE, LARGER)}
        self.execute(f"ANALYZE {schema}.messages")

    def _agent(self, count: int) -> AgentTalk:
        talk = AgentTalk(self.http, message_buffer_autoclear=True)
        self.execute(FILL.format(schema=self.schema), {"count": count, "agent": talk.id})
        talk.say("Warm up.")
        return talk

    def execute(self, statement: str, values: Json | None = None) -> None:
        with closing(psycopg2.connect(self.uri)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, values)

    def locked(self) -> "closing[Any]":
        """A connection that keeps everybody else from the messages until it is closed."""
        connection = psycopg2.connect(self.uri)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {self.schema}.messages IN ACCESS EXCLUSIVE MODE")
        return closing(connection)


@pytest.fixture(scope="module")
def histories(embedded_uri: str, scripted_model: ScriptedModel) -> Iterator[Histories]:
    with ExitStack() as stack:
        schema = stack.enter_context(throwaway_schema(embedded_uri))
        wire = stack.enter_context(PostgresWire(embedded_uri))
        environment = environment_of(wire.uri, schema, scripted_model)
        server = stack.enter_context(ServerProcess(environment))
        http = stack.enter_context(httpx2.Client(base_url=server.url, timeout=60, trust_env=False))
        yield Histories(wire, http, embedded_uri, schema)


def traffic_of(histories: Histories, path: str, **params: Any) -> tuple[Traffic, Any]:
    with histories.wire.measure() as traffic:
        answer = histories.http.get(path, params=params).raise_for_status().json()
    return traffic, answer


def test_a_turn_asks_the_database_as_little_after_many_messages_as_after_few(
    histories: Histories, model: ScriptedModel
) -> None:
    seen = {}
    for count, talk in histories.talks.items():
        asked = []
        for _ in range(3):  # now and then, what goes on in the background asks as well
            script = model.script(Reply("Yes."))
            with histories.wire.measure() as traffic:
                talk.say(script.say("Still there?"))
            asked.append(len(traffic.statements))
        seen[count] = (min(asked), len(script.requests[0].body["messages"]))
    assert seen[LARGE] == seen[LARGER] == seen[10]
    assert seen[10][1] == 2


def test_lists_read_a_page_and_no_more(histories: Histories) -> None:
    """By the place of the last one that was seen: counting rows to skip takes longer with every page."""
    for count, talk in histories.talks.items():
        traffic, page = traffic_of(histories, talk.path, limit=10)
        assert len(page) == 10
        assert len(traffic.statements) <= 3, count
        oldest, _ = traffic_of(histories, talk.path, limit=10, order="asc")
        for statement in [*traffic.statements, *oldest.statements]:
            assert "offset" not in statement.lower()
            assert "limit" in statement.lower() or "messages" not in statement.lower()


def test_pages_follow_each_other_through_all_of_a_long_history(histories: Histories) -> None:
    talk, seen, after = histories.talks[LARGE], [], None
    while page := histories.http.get(
        talk.path, params={"limit": 500, "order": "asc", **({"after": after} if after else {})}
    ).json():
        seen += [message["id"] for message in page]
        after = page[-1]["id"]
    assert len(seen) >= LARGE
    assert len(set(seen)) == len(seen)


def test_reading_from_the_middle_of_a_hundred_thousand_messages_uses_an_index(histories: Histories) -> None:
    """The plan has no scan of the whole table, and no sort of it."""
    talk = histories.talks[LARGER]
    page = histories.http.get(talk.path, params={"limit": 500}).json()
    traffic, _ = traffic_of(histories, talk.path, limit=10, before=page[-1]["id"])
    (listing,) = [query for query in traffic.queries if "messages" in query and "LIMIT" in query.upper()]
    select = listing[listing.upper().index("SELECT") :].rstrip("; ")
    with (
        closing(psycopg2.connect(histories.uri)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"EXPLAIN {select}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan on messages" not in plan, plan
    assert "Index" in plan


@pytest.mark.parametrize("path", ["/v1/agents/{id}", "/v1/agents/{id}/context", "/v1/agents"])
def test_describing_an_agent_reads_none_of_its_past(histories: Histories, path: str) -> None:
    statements = {}
    for count, talk in histories.talks.items():
        traffic, _ = traffic_of(histories, path.format(id=talk.id))
        statements[count] = len(traffic.statements)
    assert statements[10] == statements[LARGE] == statements[LARGER] <= 12


def test_health_answers_while_the_database_keeps_every_request_waiting(histories: Histories) -> None:
    talk = histories.talks[LARGER]
    answers: list[int] = []

    def read() -> None:
        with httpx2.Client(base_url=histories.http.base_url, timeout=60, trust_env=False) as http:
            answers.append(http.get(talk.path).status_code)

    threads = [threading.Thread(target=read) for _ in range(20)]
    with histories.locked():
        for thread in threads:
            thread.start()
        for _ in range(20):
            assert histories.http.get("/v1/health", timeout=5).status_code == 200
        assert not [status for status in answers if status == 200], "they still wait"
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 503}


def test_health_asks_the_database_nothing(histories: Histories) -> None:
    with histories.wire.measure() as traffic:
        for _ in range(5):
            histories.http.get("/v1/health").raise_for_status()
    assert [statement for statement in traffic.statements if "lease" not in statement] == []
