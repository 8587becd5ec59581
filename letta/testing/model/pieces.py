"""How replies are cut for streams, and how what a model thinks is signed, in every wire format."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator

from letta.testing.model.script import Call

_WORDS = re.compile(r"\s*\S+\s*|\s+")
_ARGUMENT_PIECE = 16


def words(text: str | None) -> list[str]:
    """A text in the pieces in which it is streamed."""
    return _WORDS.findall(text or "")


def arguments(call: Call) -> str:
    """A call's arguments as the text that is sent."""
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)


def argument_pieces(call: Call) -> Iterator[str]:
    """The same in the pieces in which it is streamed."""
    text = arguments(call)
    for start in range(0, len(text), _ARGUMENT_PIECE):
        yield text[start : start + _ARGUMENT_PIECE]


def call_id(call: Call, prefix: str = "call_") -> str:
    """The id of a call, made up where the script gives none."""
    return call.id or f"{prefix}{uuid.uuid4().hex[:24]}"


def sign(*said: object) -> str:
    """A signature that stands for these values, the same in every process."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def event(value: object, name: str | None = None) -> bytes:
    """A server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + json.dumps(value).encode() + b"\n\n"
