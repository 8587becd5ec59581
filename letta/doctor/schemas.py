"""What the doctor finds, on the wire."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from letta.doctor.check import Check
from letta.schema import Schema


class CheckResponse(Schema):
    """What was looked at, how things stand, and what to do about it."""

    name: str
    status: Literal["ok", "warn", "fail", "skip"] = Field(description="Result of the check: ok, warn, fail or skip.")
    finding: str
    remedy: str = Field(description="What to do. Empty if there is nothing to do.")


class Examination(Schema):
    """All checks of an installation."""

    checks: list[CheckResponse]

    @classmethod
    def of(cls, checks: Sequence[Check]) -> "Examination":
        """Checks as they are told."""
        return cls.model_validate(
            {
                "checks": [
                    {
                        "name": check.name,
                        "status": check.status.value.lower(),
                        "finding": check.finding,
                        "remedy": check.remedy,
                    }
                    for check in checks
                ]
            }
        )
