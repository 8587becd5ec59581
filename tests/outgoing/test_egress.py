"""Addresses that users give: which are asked, and what comes back."""

import json
import threading
from collections.abc import Iterator

import pytest

from letta.errors import InvalidArgumentError
from letta.outgoing import egress
from letta.outgoing.egress import EgressError, is_public
from letta.settings import settings
from tests.support.http_server import Answer, Answering, Request, in_json, moved


def echo(request: Request) -> Answer:
    """What was asked; a few paths misbehave."""
    match request.path:
        case "/moved":
            return moved("/echo")
        case "/away":
            return moved("http://169.254.169.254/latest/meta-data")
        case "/large":
            return Answer(b"x" * 100_000)
        case "/silent":
            threading.Event().wait(1)
    told = {"method": request.method, "host": request.headers["host"], "body": request.body.decode()}
    return in_json(told)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Answering(echo) as server:
        yield server.port


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "allow_private_urls", "elsewhere.example, LOCALHOST")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.8",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.8",
        "192.0.0.192",
        "fec0::1",
        "::127.0.0.1",
        "64:ff9b:1::7f00:1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_what_is_not_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_what_is_the_public_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"]
)
async def test_this_machine_is_refused_under_all_its_names(host: str, port: int) -> None:
    with pytest.raises(InvalidArgumentError, match="LETTA_ALLOW_PRIVATE_URLS"):
        await egress.request("GET", f"http://{host}:{port}/echo")
    with pytest.raises(InvalidArgumentError, match="LETTA_ALLOW_PRIVATE_URLS"):
        await egress.check(f"http://{host}:{port}/echo")


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "file:///etc/passwd", "/etc/passwd", "", "http://", "http://[::1"]
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match="complete URL"):
        await egress.request("GET", url)


@pytest.mark.usefixtures("allowed")
async def test_a_listed_host_is_asked_under_its_own_name(port: int) -> None:
    answer = await egress.request("POST", f"http://localhost:{port}/echo", json={"a": 1})
    assert answer.status == 200
    assert json.loads(answer.body) == {"method": "POST", "host": f"localhost:{port}", "body": '{"a":1}'}
    await egress.check(f"http://localhost:{port}/echo")


@pytest.mark.usefixtures("allowed")
async def test_redirects_are_followed_when_asked_for_and_checked(port: int) -> None:
    url = f"http://localhost:{port}/moved"
    assert (await egress.request("GET", url)).status == 302
    assert (await egress.request("GET", url, redirects=1)).status == 200
    with pytest.raises(InvalidArgumentError, match=r"169\.254\.169\.254"):
        await egress.request("GET", f"http://localhost:{port}/away", redirects=1)


@pytest.mark.usefixtures("allowed")
async def test_answers_are_bounded_in_size_and_time(port: int) -> None:
    with pytest.raises(EgressError, match="larger than 1000 bytes"):
        await egress.request("GET", f"http://localhost:{port}/large", max_bytes=1000)
    with pytest.raises(EgressError, match=r"within 0\.1 s"):
        await egress.request("GET", f"http://localhost:{port}/silent", seconds=0.1)


@pytest.mark.usefixtures("allowed")
async def test_what_cannot_be_reached_says_so_without_secrets() -> None:
    with pytest.raises(EgressError) as caught:
        await egress.request("GET", "http://user:hunter2@localhost:9/x?token=hunter2")
    assert "can't be reached" in caught.value.detail
    assert "hunter2" not in caught.value.detail
    with pytest.raises(EgressError, match="could not be resolved"):
        await egress.request("GET", "http://no-such-host.invalid/")
    await egress.check("http://no-such-host.invalid/")
