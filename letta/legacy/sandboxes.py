"""Environment variables that the tools of all agents get. Their values are encrypted anew."""

from letta.json_types import JsonObject
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, owned, parsed_object
from letta.sandbox_configs.tables import sandbox_configs, sandbox_variables


def _configs(reading: Reading, rows: list[JsonObject]) -> Rows:
    return [(sandbox_configs, [_config(reading, row) for row in rows])]


def _config(reading: Reading, row: JsonObject) -> JsonObject:
    config = parsed_object(row["config"])
    for packages in ("pip_requirements", "npm_requirements"):
        for package in config.get(packages) or ():
            name = package.get("name") if isinstance(package, dict) else package
            reading.notes.add("Packages available to all tools: install them where this server runs", str(name))
    return owned(row) | {"type": row["type"].lower(), "config": config}


def _variables(reading: Reading, rows: list[JsonObject]) -> Rows:
    wanted = {row["sandbox_config_id"] for row in rows}
    there = {row["id"] for row in reading.related("sandbox_configs", ("id",), "id", wanted)}
    made = []
    for row in rows:
        if row["sandbox_config_id"] in there:
            made.append(_variable(reading, row))
        else:
            reading.notes.add("Variables of sandboxes that do not exist", row["key"])
    return [(sandbox_variables, made)]


def _variable(reading: Reading, row: JsonObject) -> JsonObject:
    value = reading.secret(f"{row['key']} of the sandbox", row["value_enc"], row["value"])
    same = {name: row[name] for name in ("sandbox_config_id", "key", "description")}
    return owned(row) | same | {"value": value or ""}


SANDBOXES = Section(
    "sandboxes", Table("sandbox_configs", ("id", "type", "config", *AUDIT), large=("config",)), _configs
)
SANDBOX_VARIABLES = Section(
    "variables of sandboxes",
    Table(
        "sandbox_environment_variables", ("id", "sandbox_config_id", "key", "value", "value_enc", "description", *AUDIT)
    ),
    _variables,
)
