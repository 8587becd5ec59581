"""What OpenRouter tells of a model's thoughts: opaque objects that have to go back as they came.

They carry what the model's own provider signed or encrypted, and without them some models refuse the next step.
Source: https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning
"""

from collections.abc import Iterable
from typing import Any

from letta.json_types import JsonObject

_GROWING = ("text", "summary", "data")


def merged(pieces: Iterable[JsonObject]) -> list[JsonObject]:
    """The whole objects of a stream. Pieces of one have the same index and type."""
    whole: dict[tuple[Any, Any], JsonObject] = {}
    for piece in pieces:
        key = (piece.get("index"), piece.get("type"))
        before = whole.setdefault(key, {})
        grown = {name: (before.get(name) or "") + piece[name] for name in _GROWING if piece.get(name)}
        whole[key] = before | {name: value for name, value in piece.items() if value is not None} | grown
    return list(whole.values())


def with_details(parts: list[JsonObject], details: list[JsonObject]) -> list[JsonObject]:
    """The parts of an answer with the objects kept beside its thoughts, even where those can't be read."""
    if not details:
        return parts
    if parts and parts[0]["type"] == "reasoning":
        return [parts[0] | {"details": details}, *parts[1:]]
    return [{"type": "omitted_reasoning", "signature": None, "details": details}, *parts]
