"""Files, password, models, and how it all is shown."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from letta.doctor import Check, DoctorContext, Status, exit_code, render, run_checks
from letta.errors import ConfigurationError

SOUND = Check("Files", Status.OK, "Fine.")


def test_letta_dir_is_made(tmp_path: Path) -> None:
    assert look(DoctorContext(tmp_path / "a" / "b"))["Files"].status is Status.OK
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_letta_dir_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = look(DoctorContext(tmp_path / "file" / "letta"))["Files"]
    assert check.status is Status.FAIL
    assert "Not a directory" in check.finding
    assert "Set LETTA_DIR" in check.remedy


@pytest.mark.parametrize(
    ("host", "has_password", "allows_none", "status"),
    [
        ("0.0.0.0", True, False, Status.OK),
        ("0.0.0.0", False, False, Status.FAIL),
        ("0.0.0.0", False, True, Status.WARN),
        ("::", False, False, Status.FAIL),
        ("192.168.1.7", False, False, Status.FAIL),
        ("example.com", False, False, Status.FAIL),
        ("127.0.0.1", False, False, Status.OK),
        ("::1", False, False, Status.OK),
        ("localhost", False, False, Status.OK),
        ("LOCALHOST", False, False, Status.OK),
    ],
)
def test_password(tmp_path: Path, host: str, has_password: bool, allows_none: bool, status: Status) -> None:
    context = DoctorContext(tmp_path, bind_host=host, has_password=has_password, allows_no_password=allows_none)
    assert look(context)["Password"].status is status


def test_models(tmp_path: Path) -> None:
    handles = [f"openai/model-{number}" for number in range(9)]
    check = look(DoctorContext(tmp_path, find_models=lambda: handles))["Models"]
    assert check.status is Status.OK
    assert check.finding.startswith("9 found: openai/model-0, ")
    assert check.finding.endswith(", …")


def test_no_models(tmp_path: Path) -> None:
    assert look(DoctorContext(tmp_path))["Models"].status is Status.SKIP
    check = look(DoctorContext(tmp_path, find_models=list))["Models"]
    assert check.status is Status.WARN
    assert "OPENAI_API_KEY" in check.remedy


def test_default_model_that_is_not_there(tmp_path: Path) -> None:
    context = DoctorContext(tmp_path, default_model="openai/x", find_models=lambda: ["openai/y"])
    check = look(context)["Models"]
    assert check.status is Status.FAIL
    assert "LETTA_DEFAULT_LLM_HANDLE" in check.remedy


def test_provider_in_trouble(tmp_path: Path) -> None:
    def find_models() -> Sequence[str]:
        raise ConfigurationError("OPENAI_API_KEY is refused.")

    check = look(DoctorContext(tmp_path, find_models=find_models))["Models"]
    assert (check.status, check.finding) == (Status.FAIL, "OPENAI_API_KEY is refused.")


def test_provider_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    given_up = threading.Event()

    def find_models() -> Sequence[str]:
        given_up.wait(60)
        return []

    started = time.monotonic()
    checks = run_checks(DoctorContext(tmp_path, find_models=find_models), limit_seconds=0.1)
    assert time.monotonic() - started < 30
    given_up.set()
    assert checks[-1].status is Status.FAIL


def test_a_mistake_of_our_own_is_not_swallowed(tmp_path: Path) -> None:
    def find_models() -> Sequence[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_checks(DoctorContext(tmp_path, find_models=find_models))


def test_table() -> None:
    checks = [
        SOUND,
        Check("Connection string", Status.WARN, "It is so. " * 20, "Do that. " * 20),
        Check("Models", Status.FAIL, "x" * 250, "Mend it."),
        Check("Pooler", Status.SKIP, "Nothing."),
    ]
    lines = render(checks).splitlines()
    assert lines[0] == "ok    Files              Fine."
    assert lines[1].startswith("warn  Connection string  It is so. It is so.")
    assert lines[-1] == "4 checks: 1 ok, 1 with warnings, 1 failed, 1 skipped."
    assert max(map(len, lines)) <= 100
    assert sum("-> " in line for line in lines) == 2
    assert "".join(lines).count("x") == 250


def test_exit_code() -> None:
    assert exit_code([SOUND, Check("Pooler", Status.WARN, "x"), Check("Models", Status.SKIP, "x")]) == 0
    assert exit_code([SOUND, Check("Pooler", Status.FAIL, "x")]) == 1


def look(context: DoctorContext) -> dict[str, Check]:
    return {check.name: check for check in run_checks(context)}
