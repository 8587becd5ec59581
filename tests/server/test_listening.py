"""Where the server listens, and what it says when it can't."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from letta.errors import ConfigurationError
from letta.server.listening import bound
from letta.server.summary import address


def test_port_0_is_chosen_once_for_all_addresses() -> None:
    with bound("localhost", 0) as sockets:
        ports = {opened.getsockname()[1] for opened in sockets}
    assert len(ports) == 1
    assert ports != {0}


async def test_answers_are_sent_without_waiting_for_more() -> None:
    """Forty milliseconds an answer, which no other test would notice."""
    delays: list[int] = []

    def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        delays.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with bound("127.0.0.1", 0) as (opened,):
        async with await asyncio.start_server(note, sock=opened):
            reader, writer = await asyncio.open_connection(*opened.getsockname())
            await reader.read()
            writer.close()
    assert delays == [1]


def test_a_port_in_use_is_told_with_the_remedy() -> None:
    with bound("127.0.0.1", 0) as (taken,):
        taken.listen()
        with pytest.raises(ConfigurationError, match=r"is in use.*--port"), bound("127.0.0.1", taken.getsockname()[1]):
            pass


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "no host at all"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"not an address of this machine\. Set HOST"), bound(host, 0):
        pass


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://localhost:8507"),
        ("0.0.0.0", "http://localhost:8507"),
        ("::", "http://localhost:8507"),
        ("::1", "http://[::1]:8507"),
        ("192.0.2.1", "http://192.0.2.1:8507"),
    ],
)
def test_the_url_that_is_printed(host: str, shown: str) -> None:
    assert address(host, 8507) == shown


def test_a_server_on_a_port_in_use_ends_at_once_and_touches_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "LETTA_DIR": str(tmp_path / "letta"),
            "LETTA_PG_DATA": str(tmp_path / "pg"),
            "PORT": str(taken.getsockname()[1]),
        }
        command = [sys.executable, "-m", "letta.cli"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "is in use" in done.stderr
    assert not (tmp_path / "pg").exists()


@pytest.mark.slow
def test_a_port_chosen_by_the_system_is_printed(server_environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "letta.cli", "server", "--host", "::1", "--port", "0"]
    with subprocess.Popen(
        command,
        env={**server_environment, "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        | {"LETTA_DIR": str(tmp_path / "letta")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "server is up" in line), "")
        process.terminate()
    assert line.startswith("Letta server is up: http://[::1]:")
    assert not line.strip().endswith(":0")
