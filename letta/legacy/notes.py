"""What is to be said of things that weren't brought over, or not as they were."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from letta.json_types import JsonObject

_SHOWN = 5


@dataclass(slots=True)
class Note:
    """One kind of thing: how often, and some examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Notes:
    """Notes by their text."""

    def __init__(self) -> None:
        self._notes: dict[str, Note] = {}

    def add(self, text: str, subject: str, count: int = 1) -> None:
        """Note something about a thing."""
        note = self._notes.setdefault(text, Note())
        note.count += count
        if len(note.examples) < _SHOWN and subject not in note.examples:
            note.examples.append(subject)

    def merge(self, other: "Notes") -> None:
        """Add the notes of a part."""
        for text, note in other._notes.items():
            own = self._notes.setdefault(text, Note())
            own.count += note.count
            own.examples = list(dict.fromkeys([*own.examples, *note.examples]))[:_SHOWN]

    def __iter__(self) -> Iterator[str]:
        for text, note in self._notes.items():
            more = ", …" if note.count > len(note.examples) else ""
            yield f"{text}: {note.count} ({', '.join(note.examples)}{more})"

    def to_json(self) -> JsonObject:
        """The form in which they are kept."""
        return {text: [note.count, note.examples] for text, note in self._notes.items()}

    @classmethod
    def from_json(cls, stored: JsonObject) -> "Notes":
        """Kept notes."""
        notes = cls()
        notes._notes = {text: Note(count, list(examples)) for text, (count, examples) in stored.items()}
        return notes
