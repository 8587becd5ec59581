"""Archives, and their passages with vectors that are as long as their models make them."""

from letta.archives.archive import model_name
from letta.archives.tables import archives, passages
from letta.json_types import JsonObject
from letta.legacy import source_repository
from letta.legacy.models import embedding_config
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, grouped, owned, parsed_object, parsed_object_or_none, parsed_texts

_NATIVE = "NATIVE"


def _archives(reading: Reading, rows: list[JsonObject]) -> Rows:
    for row in rows:
        if row["vector_db_provider"] not in {None, _NATIVE}:
            reading.notes.add(
                f"Archives whose vectors are at {row['vector_db_provider']}: their passages are embedded again",
                row["name"],
            )
    configs = _configs_of_agents(reading, [row["id"] for row in rows])
    return [(archives, [_archive(reading, row, configs.get(row["id"])) for row in rows])]


def _configs_of_agents(reading: Reading, archive_ids: list[str]) -> dict[str, str]:
    """With what the agents that have these archives embed: archives of older versions don't tell themselves."""
    held = reading.related("archives_agents", ("archive_id", "agent_id"), "archive_id", archive_ids, order="agent_id")
    wanted = {row["agent_id"] for row in held}
    found = reading.related("agents", ("id", "embedding_config"), "id", wanted)
    configs = {row["id"]: row["embedding_config"] for row in found if parsed_object(row["embedding_config"])}
    return {row["archive_id"]: configs[row["agent_id"]] for row in held if row["agent_id"] in configs}


def _archive(reading: Reading, row: JsonObject, of_agents: str | None) -> JsonObject:
    config = row["embedding_config"] if parsed_object(row["embedding_config"]) else of_agents
    return owned(row) | {
        "name": row["name"],
        "description": row["description"],
        "embedding_config": embedding_config(reading, row["id"], config),
        "metadata": parsed_object_or_none(row["metadata_"]),
    }


def _passages(reading: Reading, rows: list[JsonObject]) -> Rows:
    return [(passages, passage_rows(reading, "archival_passages", rows))]


def passage_rows(reading: Reading, table: str, rows: list[JsonObject]) -> list[JsonObject]:
    """Our rows of passages that belong to an archive."""
    configs = {row["id"]: _config_of(row) for row in rows}
    dimensions = {row_id: _dimensions(config) for row_id, config in configs.items()}
    found = source_repository.vectors(reading.connection, reading.facts.shape, table, dimensions)
    tags = _tags(reading, rows)
    made = []
    for row in rows:
        vector, size = found.get(row["id"], (None, None))
        if size is not None and dimensions[row["id"]] not in {None, size}:
            reading.notes.add("Vectors longer than their models produce were kept unchanged", row["id"])
        made.append(_passage(row, configs[row["id"]], vector, tags.get(row["id"], [])))
    return made


def _passage(row: JsonObject, config: JsonObject, vector: str | None, tags: list[str]) -> JsonObject:
    return owned(row) | {
        "archive_id": row["archive_id"],
        "text": row["text"],
        "tags": list(dict.fromkeys([*parsed_texts(row["tags"]), *tags])),
        "metadata": parsed_object(row["metadata_"]),
        "embedding": vector,
        "embedding_model": _model(config) if vector is not None else None,
    }


def _tags(reading: Reading, rows: list[JsonObject]) -> dict[str, list[str]]:
    """Tags that stand in a table of their own, where they are doubles; here they are one."""
    found = reading.related(
        "passage_tags", ("passage_id", "tag"), "passage_id", [row["id"] for row in rows], order="tag"
    )
    return {row_id: [row["tag"] for row in tagged] for row_id, tagged in grouped(found, "passage_id").items()}


def _config_of(row: JsonObject) -> JsonObject:
    return parsed_object(row["embedding_config"])


def _dimensions(config: JsonObject) -> int | None:
    size = config.get("embedding_dim")
    return size if isinstance(size, int) and size > 0 else None


def _model(config: JsonObject) -> str | None:
    return model_name(config) if config.get("handle") or config.get("embedding_model") else None


PASSAGE_COLUMNS = ("id", "text", "embedding_config", "metadata_", "tags", *AUDIT)

ARCHIVES = Section(
    "archives",
    Table("archives", ("id", "name", "description", "metadata_", "embedding_config", "vector_db_provider", *AUDIT)),
    _archives,
    derived={"archives": ("vector_index", "embedding_due", "embedding_claimed_until")},
)
PASSAGES = Section(
    "passages", Table("archival_passages", (*PASSAGE_COLUMNS, "archive_id"), large=("text",), rows=200), _passages
)
