"""What Postgres can hold of JSON: text without NUL and halves of surrogate pairs, numbers that are some."""

import json
import math
import re
from typing import Any

from letta.errors import InvalidArgumentError


def check_storable(value: Any, name: str) -> None:
    """Refuse text, at any depth of a JSON value, that UTF-8 or Postgres can't hold.

    Raises:
        InvalidArgumentError: there is a NUL character or half of a surrogate pair in it.
    """
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str) and not _is_storable(part):
            raise InvalidArgumentError(
                f"{name} contains a NUL character or half of a surrogate pair, which can't be stored. Remove it."
            )


def storable(value: Any) -> Any:
    """A JSON value without what can't be stored, at any depth.

    NUL goes, half of a surrogate pair becomes U+FFFD; NaN and infinity, which Python takes for JSON, become null.
    For what a model or a tool says, which nobody could be asked to correct. The value itself if nothing is wrong.
    """
    if isinstance(value, str):
        return value if _is_storable(value) else _SURROGATE.sub("\ufffd", value.replace("\0", ""))
    return _cleaned(value) if value and _SUSPECT.search(json.dumps(value)) else value


_SURROGATE = re.compile("[\ud800-\udfff]")
_SUSPECT = re.compile(r"\\u(?:0000|d[89a-f])|NaN|Infinity")
"""In JSON in ASCII: what can't be stored, or (whole surrogate pairs, escaped backslashes) looks like it."""


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {storable(key): _cleaned(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_cleaned(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return storable(value) if isinstance(value, str) else value


def _is_storable(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
