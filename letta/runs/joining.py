"""Many small pieces of a message as one, which can still be read on from any of them."""

from collections.abc import Sequence

from letta.json_types import JsonObject

_TEXT = {"assistant_message": "content", "reasoning_message": "reasoning"}
_CALLS = {"tool_call_message", "approval_request_message"}


def can_join(wire: JsonObject, following: JsonObject) -> bool:
    """Whether a piece goes on with the part that another one belongs to."""
    if _part(wire) != _part(following):
        return False
    if wire["message_type"] in _CALLS:
        return not following["tool_call"].get("name")
    name = _TEXT.get(wire["message_type"])
    return name is not None and isinstance(wire[name], str) and isinstance(following[name], str)


def length(wire: JsonObject) -> int:
    """How many characters of text a piece brings."""
    text = _text(wire) if wire["message_type"] in _CALLS | _TEXT.keys() else None
    return len(text) if isinstance(text, str) else 0


def join(wires: Sequence[JsonObject]) -> tuple[JsonObject, tuple[int, ...]]:
    """Pieces of one part as a single piece, and how long each of them was."""
    texts = [_text(wire) for wire in wires]
    joined = _with_text(wires[0], "".join(texts))
    signature = next((wire["signature"] for wire in reversed(wires) if wire.get("signature")), None)
    if signature is not None:
        joined["signature"] = signature
    return joined, tuple(len(text) for text in texts)


def cut(wire: JsonObject, pieces: Sequence[int], skipped: int) -> JsonObject:
    """What is left of a joined piece for a reader who has the first ``skipped`` of its pieces already."""
    rest = _with_text(wire, _text(wire)[sum(pieces[:skipped]) :])
    if wire["message_type"] in _CALLS:
        _set_call(rest, {key: value for key, value in rest["tool_call"].items() if key != "name"})
    return rest


def _part(wire: JsonObject) -> tuple[object, ...]:
    call = wire.get("tool_call") or {}
    return wire["message_type"], wire.get("id"), wire.get("otid"), call.get("tool_call_id")


def _text(wire: JsonObject) -> str:
    if wire["message_type"] in _CALLS:
        return wire["tool_call"].get("arguments") or ""
    text: str = wire[_TEXT[wire["message_type"]]]
    return text


def _with_text(wire: JsonObject, text: str) -> JsonObject:
    changed = dict(wire)
    if wire["message_type"] in _CALLS:
        call = wire["tool_call"]
        _set_call(changed, call | {"arguments": text} if text or "arguments" in call else call)
    else:
        changed[_TEXT[wire["message_type"]]] = text
    return changed


def _set_call(wire: JsonObject, call: JsonObject) -> None:
    wire["tool_calls"] = [call] if isinstance(wire.get("tool_calls"), list) else call
    wire["tool_call"] = call
