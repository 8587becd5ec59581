"""Archives and passages on the wire."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from letta.agents.model_config import EmbeddingConfig
from letta.schema import Moment, Schema, StoredMoment, Timestamp

MAX_NAME_CHARACTERS = 255
MAX_PASSAGE_CHARACTERS = 1_000_000
MAX_BATCH = 1_000
MAX_TAGS = 100


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty; provide some text")
    return text


PassageText = Annotated[str, Field(max_length=MAX_PASSAGE_CHARACTERS), AfterValidator(_not_blank)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]] | None, Field(max_length=MAX_TAGS)]
TagMatchMode = Literal["any", "all"]


class CreateArchive(Schema):
    """A new archive."""

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)
    description: str | None = None
    embedding: str | None = Field(None, description="Handle of the model that embeds the passages.")
    embedding_config: EmbeddingConfig | None = Field(None, json_schema_extra={"deprecated": True})


class UpdateArchive(Schema):
    """Changes to an archive. Fields that are left out stay as they are."""

    name: str | None = Field(None, min_length=1, max_length=MAX_NAME_CHARACTERS)
    description: str | None = None
    embedding: str | None = Field(
        None, description="Handle of another embedding model. The passages are re-embedded in the background."
    )


class ArchiveResponse(Schema):
    """A stored archive."""

    id: str
    name: str
    description: str | None = None
    organization_id: str
    vector_db_provider: Literal["native"] = "native"
    embedding_config: EmbeddingConfig | None = Field(None, description="Null if passages are found by keywords only.")
    metadata: dict[str, Any] | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp
    updated_at: Timestamp | None = None


class CreatePassage(Schema):
    """A new passage of an archive."""

    text: PassageText
    metadata: dict[str, Any] | None = None
    tags: Tags = None
    created_at: StoredMoment | None = Field(None, description="When the passage was learned; by default, now.")


class CreatePassages(Schema):
    """Several new passages of an archive."""

    passages: list[CreatePassage] = Field(max_length=MAX_BATCH)


class CreateArchivalMemory(Schema):
    """A new passage of an agent's archive."""

    text: PassageText
    tags: Tags = None
    created_at: StoredMoment | None = Field(None, description="When the passage was learned; by default, now.")


class PassageResponse(Schema):
    """A stored passage."""

    id: str
    text: str
    embedding: list[float] | None = Field(
        description="The vector from the model, in the stored precision. Null if there is none yet."
    )
    embedding_config: EmbeddingConfig | None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = Field(default_factory=dict)
    archive_id: str | None = None
    organization_id: str | None = None
    source_id: str | None = Field(None, json_schema_extra={"deprecated": True})
    file_id: str | None = None
    file_name: str | None = None
    is_deleted: bool = False
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class DeletedPassageResponse(Schema):
    """A passage that was deleted, and can be restored for a while."""

    id: str
    archive_id: str
    text: str
    tags: list[str]
    metadata: dict[str, Any]
    created_at: Timestamp
    created_by_id: str | None = None
    deleted_at: Timestamp
    deleted_by_id: str | None = Field(None, description="Id of the user who deleted it.")


class SearchPassages(Schema):
    """A search among passages."""

    query: str | None = Field(None, description="What to look for; if omitted, the newest passages are returned.")
    agent_id: str | None = Field(None, description="Only the archive of this agent.")
    archive_id: str | None = Field(None, description="Only this archive.")
    tags: Tags = None
    tag_match_mode: TagMatchMode = Field(
        "any", description="Whether one of the tags is enough (any) or all are needed."
    )
    limit: int = Field(50, ge=1, le=100)
    start_date: Moment | None = None
    end_date: Moment | None = None


class PassageSearchResult(Schema):
    """A passage that was found."""

    passage: PassageResponse
    score: float = Field(description="1 for the best possible match, 0 without a query.")
    metadata: dict[str, Any] = Field(default_factory=dict)


class ArchivalSearchResult(Schema):
    """A passage that was found in an agent's archive."""

    id: str
    timestamp: str = Field(description="Creation time in the agent's time zone.")
    content: str
    tags: list[str]


class ArchivalSearchResponse(Schema):
    """What was found in an agent's archive, the best first."""

    results: list[ArchivalSearchResult]
    count: int
