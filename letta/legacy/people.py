"""Organizations, their users, and the identities that agents serve."""

from letta.identities.schemas import IdentityProperty
from letta.identities.tables import identities, identities_blocks
from letta.json_types import JsonObject
from letta.legacy.checked import checked
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, owned, parsed_list, timed
from letta.organizations.tables import organizations, users


def _organizations(_reading: Reading, rows: list[JsonObject]) -> Rows:
    return [(organizations, [_organization(row) for row in rows])]


def _organization(row: JsonObject) -> JsonObject:
    created_at = timed(row["created_at"], row["updated_at"])["created_at"]
    privileged = bool(row["privileged_tools"])
    return {"id": row["id"], "name": row["name"], "created_at": created_at, "privileged_tools": privileged}


def _users(_reading: Reading, rows: list[JsonObject]) -> Rows:
    return [(users, [_user(row) for row in rows])]


def _user(row: JsonObject) -> JsonObject:
    times = timed(row["created_at"], row["updated_at"])
    return {"id": row["id"], "organization_id": row["organization_id"], "name": row["name"]} | times


def _identities(reading: Reading, rows: list[JsonObject]) -> Rows:
    ids = [row["id"] for row in rows]
    held = reading.related("identities_blocks", ("identity_id", "block_id"), "identity_id", ids)
    return [(identities, [_identity(reading, row) for row in rows]), (identities_blocks, held)]


def _identity(reading: Reading, row: JsonObject) -> JsonObject:
    properties = parsed_list(row["properties"])
    return owned(row) | {
        "identifier_key": row["identifier_key"],
        "name": row["name"],
        "identity_type": row["identity_type"],
        "properties": checked(reading, row["id"], "Properties of an identity", list[IdentityProperty], properties)
        or [],
        "project_id": row["project_id"] or "",
    }


ORGANIZATIONS = Section(
    "organizations",
    # Whatever is there belongs to one, also where that was deleted.
    Table("organizations", ("id", "name", "created_at", "updated_at", "privileged_tools"), deleted=True),
    _organizations,
    derived={"organizations": ("created_at",)},  # the default one is there before
)
USERS = Section(
    "users",
    Table("users", ("id", "organization_id", "name", "created_at", "updated_at")),
    _users,
    derived={"users": ("created_at", "updated_at")},
)
IDENTITIES = Section(
    "identities",
    Table("identities", ("id", "identifier_key", "name", "identity_type", "properties", "project_id", *AUDIT)),
    _identities,
)
