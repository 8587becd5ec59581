"""How `letta` says what it does, and how it ends when it is called in a wrong way."""

import pytest

from letta import __version__
from tests.server.conftest import Letta


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_the_version_is_printed(letta: Letta, arguments: list[str]) -> None:
    done = letta(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_help_names_every_command(letta: Letta) -> None:
    shown = letta("--help").stdout
    assert "docs/configuration.md" in shown
    assert all(f"  {name} " in shown for name in ("server", "doctor", "backup", "restore", "import-legacy"))
    assert "..." not in shown.partition("Commands:")[2], "each command's first sentence fits its line"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serve"], "No such command 'serve'"),
        (["backup"], "Missing argument 'FILE'"),
        (["server", "--port", "99999"], "--port"),
        (["server", "--no-secure"], "--no-secure"),
        (["server", "--no-debug"], "--no-debug"),
    ],
)
def test_wrong_usage_ends_with_2(letta: Letta, arguments: list[str], told: str) -> None:
    done = letta(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
