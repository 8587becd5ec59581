"""The doctor's findings, asked for over HTTP."""

import httpx2
import pytest

pytestmark = pytest.mark.slow


def test_it_finds_what_the_command_finds(http: httpx2.Client) -> None:
    answer = http.get("/v1/admin/doctor", timeout=60)
    assert answer.status_code == 200
    checks = {check["name"]: check for check in answer.json()["checks"]}
    assert checks["Schema version"]["status"] == "ok"
    assert checks["Models"]["status"] == "ok"
    assert checks["Password"]["finding"]
    assert {check["status"] for check in checks.values()} <= {"ok", "warn", "fail", "skip"}
