"""Agents of one server, and pairs of servers that share a database, as they do during every deploy."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import httpx2
import psycopg2
import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.conftest import environment_of
from tests.talking import AgentTalk

T = TypeVar("T")
Json = dict[str, Any]
BLOCKS = [{"label": "human", "value": "Name: Ada."}]
SHORT = {"LETTA_RUN_LEASE_SECONDS": "1", "LETTA_GRACEFUL_SHUTDOWN_SECONDS": "2", "LETTA_KEEPALIVE_INTERVAL": "5"}
"""Clocks of servers that end while runs go on."""


class Instance:
    """A server, and a connection to it."""

    def __init__(self, stack: ExitStack, environment: dict[str, str]) -> None:
        self.server = ServerProcess(environment | SHORT | {"LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1"})
        stack.callback(self.server.stop)
        self.server.start(wait=False)
        self.http = stack.enter_context(httpx2.Client(base_url=self.server.url, timeout=30, trust_env=False))

    def ready(self) -> "Instance":
        """The same, once the server is."""
        self.server.wait_healthy()
        return self

    def at(self, talk: AgentTalk) -> AgentTalk:
        """The same agent, spoken to through this server."""
        other = AgentTalk.__new__(AgentTalk)
        other.http, other.agent, other.id, other.path = self.http, talk.agent, talk.id, talk.path
        return other


class Receiver(ThreadingHTTPServer):
    """Receives callbacks. Answers with the statuses given to it, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[Json] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        """Where it is told."""
        return f"http://127.0.0.1:{self.server_address[1]}/told"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: the test tells what went wrong."""


def make(http: httpx2.Client, **settings: Any) -> AgentTalk:
    """An agent with the tools to edit its block."""
    given = {"tools": ["memory_insert", "memory_replace"], "memory_blocks": BLOCKS, "include_base_tool_rules": False}
    return AgentTalk(http, **(given | settings))


@contextmanager
def database_of(server: ServerProcess) -> Iterator[Any]:
    """A cursor in a server's schema, for what nobody can do from outside. All in one transaction.

    Only that keeps the setting from others behind a pooler, whose connections go from hand to hand.
    """
    uri, schema = (server.environment[name] for name in ("LETTA_PG_URI", "LETTA_PG_SCHEMA"))
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path = {schema}")
        yield cursor


def until(look: Callable[[], T], seconds: float = 30) -> T:
    """What ``look`` returns, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        time.sleep(0.02)
    return found


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return make(http)


@pytest.fixture
def instances(server_environment: dict[str, str]) -> Iterator[Callable[[], Instance]]:
    """Starts servers on one database of their own, with short clocks."""
    with ExitStack() as stack:
        yield lambda: Instance(stack, server_environment)


@pytest.fixture
def pair(lasting_pair: tuple[Instance, Instance]) -> tuple[Instance, Instance]:
    """Two servers on one database. What a test before has stopped is started again."""
    for instance in lasting_pair:
        if not instance.server.running:
            instance.server.start(wait=False)
    first, second = lasting_pair
    return first.ready(), second.ready()


@pytest.fixture(scope="module")
def lasting_pair(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[tuple[Instance, Instance]]:
    """The servers of `pair`, whatever state they are in."""
    with throwaway_schema(postgres_uri) as schema, ExitStack() as stack:
        environment = environment_of(postgres_uri, schema, scripted_model)
        yield Instance(stack, environment), Instance(stack, environment)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()
