"""Archives and passages as the rest of the server knows them."""

from dataclasses import dataclass, field
from datetime import datetime

from letta.json_types import JsonObject


@dataclass(slots=True)
class Archive:
    """A collection of passages that agents write to and search. Without ``embedding_config``, by words alone.

    Attributes:
        embedding_due: whether passages may lack the vector that they should have.
        vector_index: what is known of its vector index, see `letta.archives.vector_index`.
    """

    id: str
    organization_id: str
    name: str
    description: str | None = None
    embedding_config: JsonObject | None = None
    metadata: JsonObject | None = None
    embedding_due: bool = False
    vector_index: JsonObject | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None

    def indexed_vectors(self, dimensions: int) -> int:
        """Of how many vectors of so many dimensions its index was built; 0 where there is none."""
        index = self.vector_index
        ready = index is not None and index["state"] == "ready" and index["dimensions"] == dimensions
        return int(index.get("vectors", 0)) if index is not None and ready else 0


@dataclass(slots=True)
class Passage:
    """One text of an archive.

    Attributes:
        embedding: its vector; None where the archive has no embedding model, or the vector isn't made yet.
        embedding_model: what made the vector, as `model_name` writes it.
        embedding_config: its archive's.
        file_id: the file that it is a piece of.
    """

    id: str
    organization_id: str
    archive_id: str
    text: str
    tags: list[str] = field(default_factory=list)
    metadata: JsonObject = field(default_factory=dict)
    embedding: list[float] | None = None
    embedding_model: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    file_id: str | None = None
    embedding_config: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class DeletedPassage:
    """A passage that was deleted, and can be restored for a while."""

    id: str
    organization_id: str
    archive_id: str
    text: str
    tags: list[str]
    metadata: JsonObject
    created_at: datetime
    created_by_id: str | None
    deleted_at: datetime
    deleted_by_id: str | None


def model_name(embedding_config: JsonObject) -> str:
    """The name under which vectors of an embedding model are kept apart from those of others."""
    return str(embedding_config.get("handle") or embedding_config["embedding_model"])
