"""How far an import is: kept in the database, in the transaction of each page, so that it goes on where it was."""

from dataclasses import asdict, dataclass, field, replace

from letta.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class State:
    """What is done.

    Attributes:
        source: what is read from.
        done: names of the sections that are brought over.
        section: the one that is under way, if any.
        after: the key of the last row of it that is brought over.
        read: rows that were read, by section.
        new: rows of ours that weren't there before, by section.
        notes: what is to be said of things that weren't brought over as they were.
    """

    source: str
    started_at: str
    finished_at: str | None = None
    done: list[str] = field(default_factory=list)
    section: str | None = None
    after: str | int | None = None
    read: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    notes: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """The form in which it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: JsonObject) -> "State":
        """A kept state."""
        return cls(**stored)

    def after_page(self, section: str, key: str | int, read: int, new: int, notes: JsonObject) -> "State":
        """The state once a page is brought over."""
        return replace(
            self,
            section=section,
            after=key,
            read=self.read | {section: self.read.get(section, 0) + read},
            new=self.new | {section: self.new.get(section, 0) + new},
            notes=notes,
        )

    def after_section(self, section: str) -> "State":
        """The state once there are no more pages."""
        return replace(self, done=[*self.done, section], section=None, after=None)
