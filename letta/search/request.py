"""What is searched for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PassageSearch:
    """A search among passages: those of one archive, of several, or of the whole organization.

    Attributes:
        vector: the text's embedding; without it the words alone decide.
        archive_ids: several archives that are searched together, in place of one.
        model: the embedding model that the vector is from. Passages embedded by another one count by their words.
        settled: whether all vectors of the archive are of that model, so that none has to be looked at for it.
        indexed: how many vectors of as many dimensions the archive's vector index was built of; 0 if it has none.
        all_tags: whether a passage needs all of the tags, or one of them.
    """

    text: str
    limit: int
    archive_id: str | None = None
    archive_ids: Sequence[str] = ()
    tags: Sequence[str] = ()
    all_tags: bool = False
    start: datetime | None = None
    end: datetime | None = None
    vector: Sequence[float] | None = None
    model: str | None = None
    settled: bool = False
    indexed: int = 0


@dataclass(frozen=True, slots=True)
class MessageSearch:
    """A search among messages: those of an agent, of a conversation, or of the whole organization.

    Attributes:
        roles: of the messages that are wanted; those beside them may be of others.
        text: None or blank lists what meets the other conditions, newest first.
        conversation_id: one conversation; ``default`` for the agent's own.
        current_run_id: a run whose messages come last, because whoever asks has them before their eyes.
    """

    text: str | None
    limit: int
    roles: Sequence[str]
    agent_id: str | None = None
    conversation_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    current_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolSearch:
    """A search among an organization's tools.

    Attributes:
        text: blank lists what meets the other conditions, newest first.
        types: of the tools that are wanted; None for all.
        tags: of which a tool needs one; None for all tools.
    """

    text: str
    limit: int
    types: Sequence[str] | None = None
    tags: Sequence[str] | None = None
