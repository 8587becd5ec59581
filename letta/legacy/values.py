"""Values of the former server, as ours are: JSON, times, and ids that are derived from others."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from letta.database.text import storable
from letta.json_types import JsonObject

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)

_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""In JSON: what can't be stored, or looks like it."""


def parsed(written: str | None) -> Any:
    """A JSON value, without what can't be stored here; JSON's null is None as well."""
    if written is None:
        return None
    value = json.loads(written)
    return storable(value) if _SUSPECT.search(written) else value


def parsed_object(written: str | None) -> JsonObject:
    """As `parsed`, and empty where it is something else than an object."""
    value = parsed(written)
    return value if isinstance(value, dict) else {}


def parsed_object_or_none(written: str | None) -> JsonObject | None:
    """As `parsed`, and None where it is something else than an object."""
    value = parsed(written)
    return value if isinstance(value, dict) else None


def parsed_list(written: str | None) -> list[Any]:
    """As `parsed`, and empty where it is something else than a list."""
    value = parsed(written)
    return value if isinstance(value, list) else []


def parsed_texts(written: str | None) -> list[str]:
    """Those entries of a list that are text, each once."""
    return list(dict.fromkeys(entry for entry in parsed_list(written) if isinstance(entry, str)))


def derived_id(prefix: str, *of: str) -> str:
    """An id for something that had none, and has the same one in every import."""
    digest = hashlib.sha256("\0".join(("letta legacy", prefix, *of)).encode()).digest()
    return f"{prefix}-{uuid.UUID(bytes=digest[:16], version=4)}"


def default_conversation_id(agent_id: str) -> str:
    """The id of the conversation that an agent has by itself, which the former server had no row for."""
    return derived_id("conv", agent_id)


AUDIT = ("created_at", "updated_at", "_created_by_id", "_last_updated_by_id", "organization_id")
"""Columns that nearly all tables have."""


def owned(row: Mapping[str, Any]) -> JsonObject:
    """The values of the columns that all things of ours have."""
    created_at = row["created_at"] or row["updated_at"]
    values = {
        "id": row["id"],
        "organization_id": row["organization_id"],
        "created_by_id": row["_created_by_id"],
        "last_updated_by_id": row["_last_updated_by_id"],
    }
    return values | timed(created_at, row["updated_at"])


def timed(created_at: Any, updated_at: Any) -> JsonObject:
    """Times that are known; a row without any counts as made at the beginning of time."""
    created_at = created_at or updated_at or UNKNOWN_TIME
    return {"created_at": created_at, "updated_at": updated_at or created_at}


def grouped(rows: Iterable[JsonObject], by: str) -> dict[str, list[JsonObject]]:
    """Rows by what they refer to."""
    found: dict[str, list[JsonObject]] = {}
    for row in rows:
        found.setdefault(row[by], []).append(row)
    return found
