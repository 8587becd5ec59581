"""Guessing the password: slow for who guesses, without effect on anybody else."""

from collections.abc import Iterator

import httpx2
import pytest

from letta.http.login_attempts import LoginAttempts
from letta.http.proxies import ThroughProxies, client_network
from letta.testing.server import ServerProcess

pytestmark = pytest.mark.slow

PASSWORD = "correct-horse-battery-staple"
RIGHT = {"authorization": f"Bearer {PASSWORD}"}
WRONG = {"authorization": "Bearer wrong"}
AT_ONCE = 20


@pytest.fixture(scope="module")
def guarded_environment(postgres_uri: str) -> Iterator[dict[str, str]]:
    from letta.testing.postgres import throwaway_schema

    with throwaway_schema(postgres_uri) as schema:
        yield {
            "LETTA_PG_URI": postgres_uri,
            "LETTA_PG_SCHEMA": schema,
            "LETTA_SERVER_PASSWORD": PASSWORD,
            "LETTA_ENCRYPTION_KEY": "k",
        }


@pytest.fixture
def behind_proxies(guarded_environment: dict[str, str]) -> Iterator[httpx2.Client]:
    """A server as on Render: two proxies add to X-Forwarded-For."""
    environment = guarded_environment | {"LETTA_TRUSTED_PROXIES": "2"}
    with ServerProcess(environment) as server, httpx2.Client(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.fixture
def in_the_open(guarded_environment: dict[str, str]) -> Iterator[httpx2.Client]:
    with ServerProcess(guarded_environment) as server, httpx2.Client(base_url=server.url, trust_env=False) as client:
        yield client


def come_from(address: str, edge: str = "104.22.17.40", made_up: str = "") -> dict[str, str]:
    return {"x-forwarded-for": ", ".join(filter(None, [made_up, address, edge]))}


def statuses(client: httpx2.Client, number: int, headers: dict[str, str]) -> list[int]:
    return [client.get("/v1/agents/", headers=headers).status_code for _ in range(number)]


def test_who_guesses_is_slowed_down_and_nobody_else(behind_proxies: httpx2.Client) -> None:
    guesser, owner = come_from("198.51.100.7"), come_from("203.0.113.9")
    assert statuses(behind_proxies, AT_ONCE, guesser | WRONG) == [401] * AT_ONCE
    refused = behind_proxies.get("/v1/agents/", headers=guesser | WRONG)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 6
    assert "Wait" in refused.json()["detail"]
    # Not even the right guess is told from a wrong one now, or guessing would go on as fast as before.
    assert behind_proxies.get("/v1/agents/", headers=guesser | RIGHT).status_code == 429
    assert statuses(behind_proxies, 3, owner | RIGHT) == [200] * 3
    assert behind_proxies.get("/v1/health", headers=guesser | WRONG).status_code == 200


def test_what_a_client_says_of_its_own_address_counts_for_nothing(behind_proxies: httpx2.Client) -> None:
    """Neither to guess on as somebody else, nor to shut somebody else out."""
    for number in range(AT_ONCE):
        made_up = come_from("198.51.100.8", made_up=f"203.0.113.{number}")
        behind_proxies.get("/v1/agents/", headers=made_up | WRONG)
    assert statuses(behind_proxies, 1, come_from("198.51.100.8", made_up="203.0.113.200") | WRONG) == [429]
    assert statuses(behind_proxies, 1, come_from("203.0.113.5") | RIGHT) == [200]


def test_without_proxies_the_header_counts_for_nothing(in_the_open: httpx2.Client) -> None:
    seen = [
        in_the_open.get("/v1/agents/", headers={"x-forwarded-for": f"203.0.113.{n}"} | WRONG).status_code
        for n in range(AT_ONCE + 1)
    ]
    assert seen == [401] * AT_ONCE + [429]


def test_a_client_that_sends_no_password_guesses_nothing(in_the_open: httpx2.Client) -> None:
    assert statuses(in_the_open, AT_ONCE + 5, {}) == [401] * (AT_ONCE + 5)
    assert statuses(in_the_open, 1, RIGHT) == [200]


def test_attempts_come_back_with_time() -> None:
    now = [0.0]
    attempts = LoginAttempts(at_once=3, seconds_each=10, clock=lambda: now[0])
    assert [attempts.was_wrong("a") for _ in range(3)] == [False, False, True]
    assert attempts.seconds_to_wait("a") == 10
    assert attempts.seconds_to_wait("b") == 0
    now[0] = 10
    assert attempts.seconds_to_wait("a") == 0
    assert attempts.was_wrong("a")
    now[0] = 1000
    assert [attempts.was_wrong("a") for _ in range(3)] == [False, False, True]


def test_addresses_are_remembered_in_bounded_memory() -> None:
    attempts = LoginAttempts()
    for number in range(30_000):
        attempts.was_wrong(str(number))
    assert len(attempts) == 10_000


async def seen_address(chain: list[str], trusted: int, peer: str = "10.0.0.1") -> str:
    seen: list[str] = []

    async def note(scope: object, _receive: object, _send: object) -> None:
        seen.append(client_network(scope))  # type: ignore[arg-type]

    headers = [(b"x-forwarded-for", part.encode()) for part in chain]
    scope = {"type": "http", "scheme": "http", "headers": headers, "client": (peer, 1)}
    await ThroughProxies(note, trusted)(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("chain", "trusted", "expected"),
    [
        (["1.1.1.1, 2.2.2.2, 3.3.3.3"], 0, "10.0.0.1"),
        (["1.1.1.1, 2.2.2.2, 3.3.3.3"], 1, "3.3.3.3"),
        (["1.1.1.1, 2.2.2.2, 3.3.3.3"], 2, "2.2.2.2"),
        (["1.1.1.1", "2.2.2.2 ,3.3.3.3"], 2, "2.2.2.2"),
        (["3.3.3.3"], 2, "3.3.3.3"),
        ([], 2, "10.0.0.1"),
        (["2001:db8:1:2:3:4:5:6, 3.3.3.3"], 2, "2001:db8:1:2::"),
        (["::ffff:1.2.3.4, 3.3.3.3"], 2, "1.2.3.4"),
        (["x" * 500 + ", 3.3.3.3"], 2, "x" * 45),
    ],
)
async def test_where_a_request_comes_from(chain: list[str], trusted: int, expected: str) -> None:
    assert await seen_address(chain, trusted) == expected
