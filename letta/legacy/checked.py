"""Values that our server reads strictly: what it could not read is left out, and told."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from letta.legacy.reading import Reading


def checked(reading: Reading, owner: str, name: str, kind: Any, value: Any) -> Any:
    """The value, or None if it isn't of a kind.

    Args:
        name: what it is, for a note.
        kind: a type as pydantic knows it.
    """
    if value is None:
        return None
    try:
        _adapter(kind).validate_python(value)
    except ValidationError:
        reading.notes.add(f"{name} could not be used and was left out", owner)
        return None
    return value


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
