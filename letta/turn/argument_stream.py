"""Reading the arguments of a call, a JSON object, while a model is still writing them."""

import json
from dataclasses import dataclass
from enum import Enum, auto

_BLANK = " \t\r\n"
_SURROGATES = range(0xD800, 0xE000)
_LOW_SURROGATES = range(0xDC00, 0xE000)
_REPLACEMENT = "\ufffd"


@dataclass(slots=True)
class Piece:
    """Part of one argument.

    Attributes:
        first: whether nothing of this argument came before.
        raw: its JSON text, as far as it came.
        text: the same decoded, where the argument is a string.
    """

    name: str
    first: bool
    raw: str
    text: str | None


class _At(Enum):
    START = auto()
    NAME = auto()
    IN_NAME = auto()
    COLON = auto()
    VALUE = auto()
    IN_TEXT = auto()
    IN_OTHER = auto()
    AFTER_VALUE = auto()
    END = auto()
    BROKEN = auto()


class ArgumentReader:
    """Takes fragments of a JSON object in and tells what they add to which of its members.

    What isn't a JSON object is passed over in silence: whoever reads the whole will tell.
    """

    def __init__(self) -> None:
        self._at = _At.START
        self._name = ""
        self._pieces: list[Piece] = []
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._text = TextDecoder()

    @property
    def ended(self) -> bool:
        """Whether the object has been closed."""
        return self._at is _At.END

    def feed(self, fragment: str) -> list[Piece]:
        """What a fragment brings; at most one piece of each argument."""
        self._pieces = []
        for char in fragment:
            self._take(char)
        return self._pieces

    def _take(self, char: str) -> None:
        match self._at:
            case _At.IN_TEXT:
                self._take_text(char)
            case _At.IN_OTHER:
                self._take_other(char)
            case _At.IN_NAME:
                self._take_name(char)
            case _At.VALUE if char not in _BLANK:
                self._begin_value(char)
            case _ if char not in _BLANK:
                self._at = _NEXT.get((self._at, char), _At.BROKEN)
                if self._at is _At.IN_NAME:
                    self._name, self._escaped = "", False

    def _take_name(self, char: str) -> None:
        if char == '"' and not self._escaped:
            self._name = _decoded(self._name)
            self._at = _At.COLON
            return
        self._escaped = char == "\\" and not self._escaped
        self._name += char

    def _begin_value(self, char: str) -> None:
        is_text = char == '"'
        self._at = _At.IN_TEXT if is_text else _At.IN_OTHER
        self._depth, self._quoted, self._escaped = 0, False, False
        self._pieces.append(Piece(self._name, True, "", "" if is_text else None))
        if is_text:
            self._text = TextDecoder()
            self._pieces[-1].raw = char
        else:
            self._take_other(char)

    def _take_text(self, char: str) -> None:
        piece = self._piece("")
        piece.raw += char
        if char == '"' and not self._text.in_escape:
            piece.text = (piece.text or "") + self._text.end()
            self._at = _At.AFTER_VALUE
        else:
            piece.text = (piece.text or "") + self._text.take(char)

    def _take_other(self, char: str) -> None:
        if self._depth == 0 and not self._quoted and char in ",}":
            self._at = _At.NAME if char == "," else _At.END
            return
        self._piece(None).raw += char
        if self._quoted:
            self._quoted = char != '"' or self._escaped
            self._escaped = char == "\\" and not self._escaped
        elif char == '"':
            self._quoted = True
        elif char in "[{":
            self._depth += 1
        elif char in "]}":
            self._depth -= 1

    def _piece(self, text: str | None) -> Piece:
        if not self._pieces or self._pieces[-1].name != self._name:
            self._pieces.append(Piece(self._name, False, "", text))
        return self._pieces[-1]


_NEXT = {
    (_At.START, "{"): _At.NAME,
    (_At.NAME, '"'): _At.IN_NAME,
    (_At.NAME, "}"): _At.END,
    (_At.COLON, ":"): _At.VALUE,
    (_At.AFTER_VALUE, ","): _At.NAME,
    (_At.AFTER_VALUE, "}"): _At.END,
}


class TextDecoder:
    """Decodes the inside of a JSON string, character by character."""

    def __init__(self) -> None:
        self._escape = ""
        self._high = ""

    @property
    def in_escape(self) -> bool:
        """Whether an escape has begun and not ended."""
        return bool(self._escape)

    def take(self, char: str) -> str:
        """What a character adds to the text."""
        if not self._escape and char != "\\":
            return self._add(char)
        self._escape += char
        if len(self._escape) < (6 if self._escape.startswith("\\u") else 2):
            return ""
        decoded, self._escape = _decoded(self._escape), ""
        return self._add(decoded)

    def end(self) -> str:
        """What the end of the string adds to it."""
        return _REPLACEMENT if self._high else ""

    def _add(self, char: str) -> str:
        high, self._high = self._high, ""
        if high and len(char) == 1 and ord(char) in _LOW_SURROGATES:
            return (high + char).encode("utf-16", "surrogatepass").decode("utf-16")
        lost = _REPLACEMENT if high else ""
        if len(char) == 1 and ord(char) in _SURROGATES:
            if ord(char) in _LOW_SURROGATES:
                return lost + _REPLACEMENT
            self._high = char
            return lost
        return lost + char


def _decoded(inside: str) -> str:
    try:
        return str(json.loads(f'"{inside}"', strict=False))
    except ValueError:
        return _REPLACEMENT
