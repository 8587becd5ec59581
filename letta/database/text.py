"""Text that Postgres can hold."""

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


def _is_storable(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
