"""What a check finds out."""

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """How things stand."""

    OK = "ok"
    WARN = "warn"
    """It works, but not as it should."""
    FAIL = "FAIL"
    """It doesn't work, or isn't safe."""
    SKIP = "skip"
    """There was nothing to look at."""


@dataclass(frozen=True)
class Verdict:
    """How things stand, in which respect, and what to do about it. Never with a secret."""

    status: Status
    finding: str
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """A verdict under the name of what was looked at."""

    name: str
    status: Status
    finding: str
    remedy: str = ""


def ok(finding: str, remedy: str = "") -> Verdict:
    """All is well; a remedy is advice then."""
    return Verdict(Status.OK, finding, remedy)


def warn(finding: str, remedy: str) -> Verdict:
    """It works, but not as it should."""
    return Verdict(Status.WARN, finding, remedy)


def fail(finding: str, remedy: str) -> Verdict:
    """It doesn't work, or isn't safe."""
    return Verdict(Status.FAIL, finding, remedy)


def skip(finding: str) -> Verdict:
    """There was nothing to look at."""
    return Verdict(Status.SKIP, finding)
