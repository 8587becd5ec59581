"""start_render.sh as Render runs it: an unprivileged user without a home, and nothing writable but /tmp."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from letta.testing.postgres import PostgresWire
from letta.testing.server import ServerProcess

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "start_render.sh")
NOBODY = 65534
PASSWORD = "a-long-random-text"
URI = "postgresql://postgres.abc:s3cret-pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
ON_RENDER = {"RENDER": "true", "LETTA_SERVER_PASSWORD": PASSWORD}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")

# Reading is allowed everywhere, as this checkout may be private; writing is not, and so coverage can't be measured.
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
AS_NOBODY += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
AS_NOBODY += ["env", "--unset=COVERAGE_PROCESS_CONFIG"]
# The checkout is shown at another place, because it may be below /tmp.
IN_A_READ_ONLY_WORLD = ["unshare", "--mount", "--propagation=private", "sh", "-c"]
IN_A_READ_ONLY_WORLD += [
    f"mount --bind {shlex.quote(str(ROOT))} /mnt && mount -t tmpfs -o mode=1777 tmpfs /tmp"
    ' && mount -o remount,ro,bind / && exec "$@"',
    "sh",
]


def environment(*variables: Mapping[str, str]) -> dict[str, str]:
    merged = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    for some in variables:
        merged |= some
    return merged


def refusal(*variables: Mapping[str, str], command: list[str] | None = None) -> str:
    """The one line that the script ends with; no other line, and no secret, is printed."""
    result = subprocess.run(
        command or [SCRIPT], env=environment(*variables), capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1, result.stderr
    lines = (result.stdout + result.stderr).splitlines()
    assert len(lines) == 1, lines
    assert "s3cret-pw" not in lines[0]
    assert PASSWORD not in lines[0]
    return lines[0]


@pytest.fixture
def tcp_uri(embedded_uri: str) -> Iterator[str]:
    """The database at a port, because /tmp, where its socket may be, is another one for the server."""
    with PostgresWire(embedded_uri) as wire:
        yield wire.uri


@as_root
def test_one_process_that_writes_below_tmp_only(tcp_uri: str, server_environment: dict[str, str]) -> None:
    variables = environment(
        server_environment,
        ON_RENDER,
        {"LETTA_PG_URI": tcp_uri, "HOST": "", "HOME": "/nonexistent", "LETTA_DIR": "", "WEB_CONCURRENCY": "2"},
    )
    with ServerProcess(variables, command=[*IN_A_READ_ONLY_WORLD, *AS_NOBODY, "/mnt/start_render.sh"]) as server:
        process = psutil.Process(server.pid)
        assert process.uids().real == NOBODY
        assert process.cmdline()[1:] == ["-m", "letta"]
        assert process.children() == []
        listening = [entry.laddr for entry in process.net_connections() if entry.status == psutil.CONN_LISTEN]
        assert listening == [("0.0.0.0", server.port)]
        written = Path(f"/proc/{server.pid}/root/tmp")
        assert [path.name for path in written.iterdir()] == ["letta"]
        assert sorted(path.name for path in (written / "letta").iterdir()) == ["cache", "config", "logs"]
        assert (written / "letta" / "logs" / "Letta.log").stat().st_size > 0
        assert "PermissionError" not in server.log
        assert server.terminate() == 0


@as_root
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "letta").mkdir()
    line = refusal(ON_RENDER, {"LETTA_DIR": str(tmp_path / "letta"), "LETTA_PG_URI": URI}, command=[*AS_NOBODY, SCRIPT])
    assert line == (
        f"letta: LETTA_DIR is {tmp_path}/letta, which user id {NOBODY} can't write to. "
        f"Set LETTA_DIR to a directory of its own, such as /tmp/letta-{NOBODY}."
    )


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "LETTA_DIR is" in refusal({"LETTA_DIR": str(tmp_path / "file" / "letta")})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "LETTA_PG_URI is not set. Render erases the disk"),
        ({"LETTA_PG_URI": URI}, "LETTA_ENCRYPTION_KEY is not set"),
        ({"LETTA_PG_URI": URI, "LETTA_SERVER_PASSWORD": ""}, "LETTA_SERVER_PASSWORD (on Render: under Environment)"),
        ({"LETTA_PG_URI": URI, "LETTA_SERVER_PASSWORD": "", "SECURE": "true"}, "LETTA_SERVER_PASSWORD is not set"),
        ({"LETTA_PG_URI": URI, "PORT": "18012"}, "Port 18012 is reserved by Render. Set PORT to another port."),
        ({"LETTA_PG_URI": URI, "PORT": "http"}, "PORT: Input should be a valid integer"),
        (
            {"LETTA_PG_URI": URI, "DATABASE_URL": URI + "2"},
            "LETTA_PG_URI and DATABASE_URL point to different databases",
        ),
        ({"LETTA_PG_URI": URI.replace("s3cret-pw", "[YOUR-PASSWORD]")}, "LETTA_PG_URI still contains a placeholder"),
        ({"LETTA_PG_URI": "s3cret-pw"}, "LETTA_PG_URI"),
        ({"RENDER": "", "LETTA_IN_CONTAINER": "1"}, "docker run -v letta-data:/var/lib/letta"),
        ({"RENDER": "", "HOST": "0.0.0.0", "LETTA_SERVER_PASSWORD": ""}, "LETTA_ALLOW_NO_PASSWORD=true"),
    ],
)
def test_what_would_lose_or_expose_data_is_refused(variables: dict[str, str], expected: str, tmp_path: Path) -> None:
    assert expected in refusal(ON_RENDER, {"LETTA_DIR": str(tmp_path)}, variables)


def test_another_encryption_key_is_refused_and_loses_nothing(
    server_environment: dict[str, str], tmp_path: Path
) -> None:
    with ServerProcess(server_environment) as server:
        block = server.client().blocks.create(label="human", value="Kept.")
        server.terminate()
        directory = {"LETTA_DIR": str(tmp_path), "LETTA_LOG_LEVEL": "ERROR"}
        for key in ({"LETTA_ENCRYPTION_KEY": "another-key-" + "0" * 30}, {"LETTA_ENCRYPTION_KEY": ""}):
            assert "LETTA_ENCRYPTION_KEY" in refusal(server_environment, directory, key)
        server.start()
        assert server.client().blocks.retrieve(block.id).value == "Kept."


def test_the_port_is_renders_unless_another_is_given() -> None:
    code = "from letta.settings import settings; print(settings.bind_host, settings.bind_port)"

    def bound(variables: Mapping[str, str]) -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, env=environment(variables), cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert bound({"RENDER": "true"}) == "0.0.0.0 10000"
    assert bound({"RENDER": "true", "PORT": "12345", "LETTA_SERVER_PORT": "1"}) == "0.0.0.0 12345"
    assert bound({}) == "127.0.0.1 8283"
    assert bound({"LETTA_SERVER_PORT": "9000", "PORT": ""}) == "127.0.0.1 9000"


def test_the_script_is_portable() -> None:
    text = Path(SCRIPT).read_text()
    assert text.startswith("#!/bin/sh\n")
    assert not re.search(r"\[\[|\bfunction\b|\blocal\b|<<<|\bsource\b", text)
    subprocess.run(["sh", "-n", SCRIPT], check=True)
    assert os.access(SCRIPT, os.X_OK)
