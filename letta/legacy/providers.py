"""Providers of models that somebody added, with their keys, which are encrypted anew, and the models that they had."""

from dataclasses import asdict
from urllib.parse import urlsplit

from sqlalchemy import Connection

from letta.json_types import JsonObject
from letta.legacy import source_repository
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.upstream import Shape
from letta.legacy.values import AUDIT, grouped, owned
from letta.llm.configured import RESERVED_NAMES, SETTINGS
from letta.llm.listed import ListedModel
from letta.llm.provider import BYOK
from letta.outgoing.egress import is_public
from letta.providers.tables import providers

_MODEL = ("provider_id", "name", "model_type", "max_context_window", "embedding_dim")


def names_of_added(connection: Connection, shape: Shape) -> list[str]:
    """Names of the providers that are brought over and can be used here."""
    columns = ("name", "organization_id", "provider_category", "provider_type")
    rows = source_repository.everything(connection, shape, "providers", columns)
    return [row["name"] for row in rows if _is_added(row) and row["provider_type"] in SETTINGS]


def _providers(reading: Reading, rows: list[JsonObject]) -> Rows:
    added = [row for row in rows if _is_added(row)]
    for row in rows:
        if not _is_added(row):
            reading.notes.add(
                "Providers configured by environment variables, and their models: set these variables on this server",
                row["name"],
            )
    found = reading.related("provider_models", _MODEL, "provider_id", [row["id"] for row in added], order="name")
    models = grouped(found, "provider_id")
    return [(providers, [_provider(reading, row, models.get(row["id"], [])) for row in added])]


def _is_added(row: JsonObject) -> bool:
    """Whether somebody added it. Those of the environment belong to no organization."""
    return row["organization_id"] is not None and row["provider_category"] in {BYOK, None}


def _provider(reading: Reading, row: JsonObject, models: list[JsonObject]) -> JsonObject:
    _note(reading, row)
    keys = {
        name: reading.secret(f"{name} of provider {row['name']}", row[f"{name}_enc"], row[name]) or None
        for name in ("api_key", "access_key")
    }
    same = {name: row[name] for name in ("name", "provider_type", "base_url", "region", "api_version", "last_synced")}
    return owned(row) | same | keys | {"models": [_model(model) for model in models], "has_list": True}


def _note(reading: Reading, row: JsonObject) -> None:
    if row["provider_type"] not in SETTINGS:
        reading.notes.add(
            f"Providers of type {row['provider_type']} were kept, but can't be used on this server",
            row["name"],
        )
        return
    if row["name"].lower() in RESERVED_NAMES:
        reading.notes.add(
            "Providers replaced by providers of the same name that are configured by environment variables", row["name"]
        )
    if _leads_inwards(row["base_url"]):
        reading.notes.add("Providers in private networks: list their hosts in LETTA_ALLOW_PRIVATE_URLS", row["name"])


def _leads_inwards(url: str | None) -> bool:
    """As far as the address alone tells."""
    host = urlsplit(url or "").hostname or ""
    try:
        return not is_public(host)
    except ValueError:
        return host != "" and "." not in host


def _model(row: JsonObject) -> JsonObject:
    is_embedding = row["model_type"] == "embedding"
    return asdict(
        ListedModel(
            row["name"],
            "embedding" if is_embedding else "llm",
            context_window=None if is_embedding else row["max_context_window"],
            dimensions=row["embedding_dim"] if is_embedding else None,
        )
    )


PROVIDERS = Section(
    "providers",
    Table(
        "providers",
        (
            *("id", "name", "provider_type", "provider_category", "base_url", "region", "api_version", "last_synced"),
            *("api_key", "api_key_enc", "access_key", "access_key_enc", *AUDIT),
        ),
    ),
    _providers,
    derived={"providers": ("models", "has_list", "last_synced", "updated_at")},
)
