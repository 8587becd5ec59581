"""Names of files: what is stored of the one that was sent, and what becomes of one that is taken."""

import re
from collections.abc import Collection
from pathlib import PurePosixPath

from letta.errors import InvalidArgumentError

MAX_CHARACTERS = 200
_SUFFIX_CHARACTERS = 20
_STRANGE = re.compile(r"[\x00-\x1f\x7f<>\"\ud800-\udfff\u2028\u2029]")


def storable_name(given: str) -> str:
    """The last part of a name, without what would break the frame in which agents see it.

    Raises:
        InvalidArgumentError: nothing is left of it.
    """
    name = _STRANGE.sub("_", given.replace("\\", "/").rstrip("/").rpartition("/")[2]).strip()
    if not name or not name.strip("._ "):
        raise InvalidArgumentError("The file has no name. Send a file name, or set 'name'.")
    path = PurePosixPath(name)
    suffix = path.suffix if len(path.suffix) <= _SUFFIX_CHARACTERS else ""
    return name.removesuffix(suffix)[: MAX_CHARACTERS - len(suffix)] + suffix


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number where it is taken: ``notes_(1).txt``."""
    suffix = PurePosixPath(name).suffix
    stem = name.removesuffix(suffix)
    candidate, number = name, 0
    while candidate in taken:
        number += 1
        candidate = f"{stem}_({number}){suffix}"
    return candidate
