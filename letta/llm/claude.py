"""What Claude models accept, by their names: it differs from one generation to the next.

Source: https://platform.claude.com/docs/en/build-with-claude/thinking and the pages on each model's changes.
"""

import re
from dataclasses import dataclass
from typing import Literal

Off = Literal["omit", "disabled", "between_tools", "never"]

_NAME = re.compile(r"claude-(?P<family>[a-z]+)-(?P<major>\d)(?:-(?P<minor>\d{1,2}))?(?!\d)")
_OLD_NAME = re.compile(r"claude-(?P<major>\d)(?:-(?P<minor>\d))?(?!\d)")
_NEWEST = (9, 9)
_ALWAYS_THINK = {"fable", "mythos"}


@dataclass(frozen=True, slots=True)
class ClaudeRules:
    """What a model accepts.

    Attributes:
        thinking: ``manual`` takes a budget of tokens, ``adaptive`` an effort, ``none`` neither.
        off: how thinking is turned off; ``never`` where it can't be.
        sampling: whether a temperature is accepted.
        effort: whether an effort is accepted.
        structured: whether answers and tools can be held to a schema.
        forced_tools: whether a call can be demanded.
        bound: whether thoughts are refused once anything before them has changed.
    """

    thinking: Literal["none", "manual", "adaptive"]
    off: Off
    sampling: bool
    effort: bool
    structured: bool
    forced_tools: bool
    bound: bool


def rules_of(model: str) -> ClaudeRules:
    """The rules of the model with this name. Unknown names are taken for the newest models."""
    family, version = _parsed(model)
    return ClaudeRules(
        thinking="none" if version < (3, 7) else "manual" if version < (4, 6) else "adaptive",
        off=_off(family, version),
        sampling=version < (4, 7),
        effort=version >= (4, 6) or (family == "opus" and version >= (4, 5)),
        structured=version >= (4, 5),
        forced_tools=version < (5, 1) or family == "haiku",
        bound=version >= (5, 1),
    )


def _off(family: str, version: tuple[int, int]) -> Off:
    if version < (5, 0) and family not in _ALWAYS_THINK:
        return "omit"
    if family == "haiku" or (version < (5, 5) and family in {"opus", "sonnet"}):
        return "disabled"
    return "between_tools" if family == "sonnet" else "never"


def _parsed(model: str) -> tuple[str, tuple[int, int]]:
    found = _NAME.search(model)
    if found is not None:
        return found["family"], (int(found["major"]), int(found["minor"] or 0))
    old = _OLD_NAME.search(model)
    if old is not None:
        return "", (int(old["major"]), int(old["minor"] or 0))
    return "", _NEWEST
