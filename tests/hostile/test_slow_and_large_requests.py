"""Requests that never end, or are too large: refused early, at the cost of a bounded amount of memory."""

import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import pytest

from letta.testing.server import ServerProcess
from tests.hostile.memory import MEGABYTE, MostMemory

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 1.0
PASSWORD = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def impatient(postgres_uri: str) -> Iterator[ServerProcess]:
    from letta.testing.postgres import throwaway_schema

    with throwaway_schema(postgres_uri) as schema:
        environment = {
            "LETTA_PG_URI": postgres_uri,
            "LETTA_PG_SCHEMA": schema,
            "LETTA_ENCRYPTION_KEY": "k",
            "LETTA_CLIENT_TIMEOUT_SECONDS": str(PATIENCE_SECONDS),
        }
        with ServerProcess(environment) as server:
            yield server


def connect(server: ServerProcess) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    opened.settimeout(10)
    return opened


def trickle(opened: socket.socket, piece: bytes, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        try:
            opened.sendall(piece)
        except OSError:
            return


def answered_to_a_trickle(server: ServerProcess, beginning: bytes, piece: bytes) -> bytes:
    """What comes back to a client that sends a beginning, and then bits of the rest for ever."""
    with connect(server) as opened:
        opened.sendall(beginning)
        stop = threading.Event()
        thread = threading.Thread(target=trickle, args=(opened, piece, stop))
        thread.start()
        try:
            return all_of(opened)
        finally:
            stop.set()
            thread.join()


def all_of(opened: socket.socket) -> bytes:
    parts: list[bytes] = []
    try:
        while part := opened.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"", b""),
        (b"GET /v1/agents/ HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n"),
        (b"POST /v1/blocks/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", b" "),
        (b"POST /v1/blocks/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["nothing", "headers", "body", "chunks"],
)
def test_a_request_that_trickles_in_is_given_up(impatient: ServerProcess, beginning: bytes, piece: bytes) -> None:
    answer = answered_to_a_trickle(impatient, beginning, piece)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Send it again" in answer
    assert_told_as_every_answer(answer)


def assert_told_as_every_answer(answer: bytes) -> None:
    """Whose it is, and what browsers must not do with it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    told = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert told["x-request-id"]
    assert told["x-content-type-options"] == "nosniff"
    assert told["content-security-policy"] == "frame-ancestors 'none'"
    assert told["cache-control"] == "no-store"
    assert int(told["content-length"]) == len(body)


def test_the_refusal_of_a_slow_body_names_the_request_as_its_client_does(impatient: ServerProcess) -> None:
    head = b"POST /v1/blocks/ HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine-9\r\nContent-Length: 100000\r\n\r\n"
    assert b"\r\nx-request-id: mine-9\r\n" in answered_to_a_trickle(impatient, head, b" ")


def test_a_body_that_trickles_in_behind_a_refusal_is_given_up_too(impatient: ServerProcess) -> None:
    refused = b"POST /v1/blocks/ HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 100000\r\n\r\n"
    answer = answered_to_a_trickle(impatient, refused, b" ")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_many_slow_clients_keep_nobody_else_waiting(impatient: ServerProcess) -> None:
    slow = [connect(impatient) for _ in range(200)]
    for opened in slow:
        opened.sendall(b"POST /v1/blocks/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{")
    with httpx2.Client(base_url=impatient.url, trust_env=False) as client:
        assert client.get("/v1/health").status_code == 200
        assert client.get("/v1/agents/").status_code == 200
    for opened in slow:
        assert all_of(opened).startswith(b"HTTP/1.1 408 ")
        opened.close()


def test_a_body_that_comes_slowly_but_steadily_is_taken(impatient: ServerProcess) -> None:
    body = json.dumps({"label": "a", "value": "x" * 8000}).encode()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 400):
            time.sleep(2.5 * PATIENCE_SECONDS / (len(body) / 400))
            yield body[start : start + 400]

    with httpx2.Client(base_url=impatient.url, trust_env=False, timeout=30) as client:
        headers = {"content-type": "application/json"}
        assert client.post("/v1/blocks/", content=pieces(), headers=headers).status_code == 200


@pytest.mark.parametrize("part", ["address", "header", "headers"])
def test_a_head_without_end_is_refused(impatient: ServerProcess, part: str) -> None:
    heads = {
        "address": b"GET /v1/agents/?" + b"a" * 1_000_000,
        "header": b"GET /v1/agents/ HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 1_000_000,
        "headers": b"GET /v1/agents/ HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 100_000,
    }
    with connect(impatient) as opened:
        try:
            opened.sendall(heads[part])
        except OSError:
            return  # closed before all of it was sent
        answer = all_of(opened)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    if answer:
        assert_told_as_every_answer(answer)


def endless(total: int) -> Iterator[bytes]:
    for _ in range(total // MEGABYTE):
        yield b" " * MEGABYTE


def refused_uploads(server: ServerProcess, count: int, *, chunked: bool) -> list[int]:
    statuses: list[int] = []

    def upload() -> None:
        with httpx2.Client(base_url=server.url, trust_env=False, timeout=60) as client:
            headers = {"content-type": "application/json"}
            if not chunked:
                headers["content-length"] = str(100 * MEGABYTE)
            answer = client.post("/v1/blocks/", content=endless(100 * MEGABYTE), headers=headers)
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=upload) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.parametrize(("chunked", "most"), [(False, 20 * MEGABYTE), (True, 250 * MEGABYTE)])
def test_bodies_of_a_hundred_megabytes_are_refused_in_bounded_memory(
    impatient: ServerProcess, chunked: bool, most: int
) -> None:
    with MostMemory(impatient.pid) as memory:
        assert set(refused_uploads(impatient, 4, chunked=chunked)) <= {413, 503}
    assert memory.growth < most


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" + b"[]," * 10_000_000 + b"[]]",
        b"[" + b"1," * 20_000_000 + b"1]",
        b'{"label":"a","value":"b","metadata":{' + b",".join(b'"%d":{}' % n for n in range(3_000_000)) + b"}}",
    ],
    ids=["lists", "numbers", "keys"],
)
def test_json_that_grows_when_it_is_read_is_refused_before(impatient: ServerProcess, bomb: bytes) -> None:
    """Thirty megabytes of `[],[],…` would take two thousand as values."""
    with MostMemory(impatient.pid) as memory, httpx2.Client(base_url=impatient.url, trust_env=False) as client:
        headers = {"content-type": "application/json"}
        answer = client.post("/v1/blocks/", content=bomb, headers=headers, timeout=60)
    assert answer.status_code == 422
    assert "values" in answer.json()["detail"]
    assert memory.growth < 250 * MEGABYTE


def test_what_is_sent_before_the_password_is_known_is_not_kept(postgres_uri: str) -> None:
    from letta.testing.postgres import throwaway_schema

    with throwaway_schema(postgres_uri) as schema:
        environment = {
            "LETTA_PG_URI": postgres_uri,
            "LETTA_PG_SCHEMA": schema,
            "LETTA_ENCRYPTION_KEY": "k",
            "LETTA_SERVER_PASSWORD": PASSWORD,
        }
        with ServerProcess(environment) as server, MostMemory(server.pid) as memory:
            assert set(refused_uploads(server, 4, chunked=True)) <= {401, 413}
        assert memory.growth < 20 * MEGABYTE
