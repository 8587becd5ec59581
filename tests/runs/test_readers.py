"""Readers of runs: as many as the server allows, each at a bounded cost, and none for ever that doesn't read."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.hostile.memory import MEGABYTE, MostMemory
from tests.support.servers import environment_of
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

READERS = 200
STALLED_SECONDS = 1
KILOBYTES_EACH = 100
"""Most memory that an idle reader may take. With 1,000 of them, the default, an instance of 512 MB has room left."""


@pytest.fixture(scope="module")
def server(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    limits = {"LETTA_MAX_READERS": str(READERS), "LETTA_STALLED_READER_SECONDS": str(STALLED_SECONDS)}
    with (
        throwaway_schema(postgres_uri) as schema,
        ServerProcess(environment_of(postgres_uri, schema, scripted_model) | limits) as running,
    ):
        yield running


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return AgentTalk(http)


def begun(talk: AgentTalk, text: str) -> str:
    """A run in the background, which nobody reads yet."""
    run = talk.http.post(f"{talk.path}/async", json={"input": text}).raise_for_status().json()
    return str(run["id"])


def reader(server: ServerProcess, run_id: str, *, buffer: int | None = None) -> socket.socket:
    """A connection that has asked for a run's stream, and read nothing."""
    opened = socket.socket()
    if buffer is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    opened.settimeout(30)
    opened.connect(("127.0.0.1", server.port))
    body = json.dumps({"starting_after": 0})
    head = f"POST /v1/runs/{run_id}/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    opened.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return opened


def readers(http: httpx2.Client) -> int:
    """How many the server counts."""
    lines = http.get("/metrics").raise_for_status().text.splitlines()
    return int(float(next(line for line in lines if line.startswith("letta_readers ")).split()[1]))


def test_many_idle_readers_of_one_run_fit_and_one_more_is_told_to_come_again(
    server: ServerProcess, http: httpx2.Client, talk: AgentTalk, model: ScriptedModel
) -> None:
    script = model.script(Reply("Here.", hold=True))
    run_id = begun(talk, script.say())
    script.wait_asked()
    other = AgentTalk(http)
    with ExitStack() as open_streams, MostMemory(server.pid) as memory:
        streams = [open_streams.enter_context(reader(server, run_id)) for _ in range(READERS)]
        for stream in streams:
            assert stream.recv(4096).startswith(b"HTTP/1.1 200 ")
        refused = [
            http.post(f"/v1/runs/{run_id}/stream", json={}),
            other.post({"input": "Have you room?"}),
            other.post({"input": "Have you room?", "streaming": True}),
            http.post(
                "/v1/chat/completions", json={"model": other.id, "messages": [{"role": "user", "content": "Hello?"}]}
            ),
        ]
        for answer in refused:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) >= 1
            assert "LETTA_MAX_READERS" in answer.json()["detail"]
        assert [message["message_type"] for message in other.history()] == ["system_message"]
        assert http.get("/v1/health/").status_code == 200
        streams.pop().close()
        assert until(lambda: readers(http) < READERS)
        assert other.say("And now?")["stop_reason"]["stop_reason"] == "end_turn"
    assert memory.growth < READERS * KILOBYTES_EACH * 1024
    script.release()
    assert until(lambda: readers(http) == 0)


def test_more_files_are_opened_than_hosts_allow_at_first(server_environment: dict[str, str]) -> None:
    """Else idle clients leave no connection for a health check."""
    command = ["sh", "-c", 'ulimit -Sn 64; exec "$0" -m letta.cli server', sys.executable]
    with ServerProcess(server_environment, command=command) as small, ExitStack() as idle:
        for _ in range(200):
            idle.enter_context(socket.create_connection(("127.0.0.1", small.port), timeout=10))
        assert httpx2.get(f"{small.url}/v1/health", trust_env=False, timeout=10).status_code == 200


def test_every_answer_gives_its_place_back(http: httpx2.Client, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Here."))
    talk.say(script.say())
    talk.stream(input="Again.")
    talk.stream(input="And again.", background=True)
    assert talk.post({"input": "Hello.", "override_model": "nobody/nothing"}).status_code >= 400
    assert http.post("/v1/runs/run-00000000-0000-4000-8000-0000000000aa/stream", json={}).status_code == 404
    body = {"model": talk.id, "messages": [{"role": "user", "content": "Hello."}]}
    for stream in (False, True):
        assert http.post("/v1/chat/completions", json=body | {"stream": stream}).status_code == 200
    assert until(lambda: readers(http) == 0)


def test_a_client_that_reads_nothing_is_cut_off(
    server: ServerProcess, http: httpx2.Client, talk: AgentTalk, model: ScriptedModel
) -> None:
    """More than the kernel and the server's own buffer take: without that, its place would be taken for ever."""
    script = model.script(Reply(f"{'word' * 50_000} " * 40))
    run_id = begun(talk, script.say())
    until(lambda: talk.run(run_id)["status"] == "completed")
    with MostMemory(server.pid) as memory, ExitStack() as open_streams:
        stalled = [open_streams.enter_context(reader(server, run_id, buffer=4096)) for _ in range(3)]
        assert until(lambda: readers(http) == 3)
        assert until(lambda: readers(http) == 0)
        for stream in stalled:
            assert stream.recv(16).startswith(b"HTTP/1.1 200 ")
    assert memory.growth < 200 * MEGABYTE
