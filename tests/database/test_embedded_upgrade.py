"""The way from one major version of Postgres to the next, as the refusal prints it."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from letta.database.embedded import EmbeddedPostgres, OtherMajorVersionError
from letta.database.embedded.binaries import find_binaries
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess

pytestmark = pytest.mark.slow

OLD = "17"
# There is only one version to test with: its own cluster says that an older one wrote it, except to "its" pg_ctl.
PG_CTL = """#!/bin/sh
echo {ours} > {version_file} && {programs}/pg_ctl "$@" > /dev/null; code=$?
[ "$4" = -o ] || echo {old} > {version_file}
exit $code
"""
# As root, the programs and the data may lie below private directories.
CAPABLE = ["--inh-caps=-all,+dac_read_search,+dac_override", "--ambient-caps=-all,+dac_read_search,+dac_override"]


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="letta-upgrade-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def steps(text: str) -> dict[int, str]:
    """The commands of each step."""
    parts = re.split(r"^(\d)\. ", text, flags=re.MULTILINE)[1:]
    found = zip(parts[::2], parts[1::2], strict=True)
    return {int(number): "\n".join(re.findall(r"^   (.*)$", part, re.MULTILINE)) for number, part in found}


def shell(commands: str, environment: dict[str, str], *prefix: str) -> None:
    subprocess.run([*prefix, "/bin/sh", "-euc", commands], env=environment, check=True)


def test_what_the_refusal_says_moves_everything_secrets_included(base: Path, scripted_model: ScriptedModel) -> None:
    data = base / "pg"
    server = ServerProcess(
        {"OPENAI_API_KEY": "sk-scripted", "OPENAI_BASE_URL": scripted_model.base_url}, directory=base
    )
    with server:
        with server.client() as client:
            agent = client.agents.create(name="Ada", model="openai-proxy/gpt-4o", secrets={"TOKEN": "hunter2"})
        assert server.terminate() == 0
        version_file = data / "cluster/PG_VERSION"
        ours = version_file.read_text().strip()
        version_file.write_text(OLD)
        with pytest.raises(OtherMajorVersionError) as refusal:
            EmbeddedPostgres(data).start()

        commands = steps(refusal.value.detail)
        programs = base / "programs"
        programs.mkdir()
        real = find_binaries().root / "bin"
        (programs / "pg_dump").symlink_to(real / "pg_dump")
        (programs / "pg_ctl").write_text(PG_CTL.format(ours=ours, old=OLD, version_file=version_file, programs=real))
        (programs / "pg_ctl").chmod(0o755)
        environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
        uid = version_file.stat().st_uid
        other_user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *CAPABLE]
        shell(commands[1], environment, *(other_user if os.geteuid() == 0 else []))
        shell(commands[2], environment)
        server.start()
        shell(commands[3], environment)
        server.restart()
        with server.client() as client:
            found = client.agents.retrieve(agent.id, include=["agent.secrets"])
        assert [secret.value for secret in found.secrets or []] == ["hunter2"]
        assert (data / f"cluster.{OLD}/PG_VERSION").exists()
    Path("/tmp/letta.dump").unlink()
