"""Queries on what an organization sets for the tools of all of its agents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, NotFoundError, no_such
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.sandbox_configs.tables import sandbox_configs, sandbox_variables

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Settings of the tools of all agents."""

    id: str
    organization_id: str
    type: str
    config: JsonObject
    created_at: datetime
    updated_at: datetime
    created_by_id: str | None
    last_updated_by_id: str | None


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable of all tools, in clear."""

    id: str
    organization_id: str
    sandbox_config_id: str
    key: str
    value: str
    description: str | None
    created_at: datetime
    updated_at: datetime
    created_by_id: str | None
    last_updated_by_id: str | None


_CONFIG = [sandbox_configs.c[name] for name in SandboxConfig.__slots__]
_VARIABLE = [sandbox_variables.c[name] for name in Variable.__slots__]


def ensure_local(connection: Connection, actor: Actor, config: JsonObject) -> SandboxConfig:
    """The organization's settings of local sandboxes, made now where there are none."""
    values = {"id": new_id("sandbox"), "type": LOCAL, "config": config} | _owner(actor)
    connection.execute(upsert(sandbox_configs).values(values).on_conflict_do_nothing())
    row = connection.execute(_of(actor, sandbox_configs, _CONFIG).where(sandbox_configs.c.type == LOCAL)).one()
    return SandboxConfig(*row)


def list_configs(connection: Connection, actor: Actor, sandbox_type: str | None, page: Page) -> list[SandboxConfig]:
    """Settings of the organization."""
    query = _of(actor, sandbox_configs, _CONFIG)
    if sandbox_type is not None:
        query = query.where(sandbox_configs.c.type == sandbox_type)
    return [SandboxConfig(*row) for row in connection.execute(paginate(query, sandbox_configs, page))]


def get_config(connection: Connection, actor: Actor, config_id: str) -> SandboxConfig:
    """The settings with this id.

    Raises:
        NotFoundError: there are none.
    """
    row = connection.execute(_of(actor, sandbox_configs, _CONFIG).where(sandbox_configs.c.id == config_id)).first()
    if row is None:
        raise NotFoundError(f"There is no sandbox configuration {config_id}. GET /v1/sandbox-config lists them.")
    return SandboxConfig(*row)


def delete_config(connection: Connection, actor: Actor, config_id: str) -> None:
    """Delete settings with their variables.

    Raises:
        NotFoundError: there are none.
    """
    get_config(connection, actor, config_id)
    connection.execute(delete(sandbox_configs).where(sandbox_configs.c.id == config_id))


def insert_variable(connection: Connection, actor: Actor, config_id: str, values: JsonObject) -> Variable:
    """Store a new environment variable.

    Raises:
        NotFoundError: there are no such settings.
        ConflictError: they have a variable of that name.
    """
    get_config(connection, actor, config_id)
    row = {"id": new_id("sandbox-env"), "sandbox_config_id": config_id} | values | _owner(actor)
    try:
        return Variable(*connection.execute(insert(sandbox_variables).values(row).returning(*_VARIABLE)).one())
    except IntegrityError as error:
        raise _taken(values["key"]) from error


def update_variable(connection: Connection, actor: Actor, variable_id: str, changes: Mapping[str, Any]) -> Variable:
    """Change an environment variable.

    Raises:
        NotFoundError: there is none.
        ConflictError: another one has the new name.
    """
    values = {**changes, "last_updated_by_id": actor.user_id, "updated_at": func.now()}
    own = (sandbox_variables.c.id == variable_id, sandbox_variables.c.organization_id == actor.organization_id)
    try:
        statement = update(sandbox_variables).where(*own).values(values).returning(*_VARIABLE)
        row = connection.execute(statement).first()
    except IntegrityError as error:
        raise _taken(changes["key"]) from error
    if row is None:
        raise no_such("environment variable", variable_id)
    return Variable(*row)


def delete_variable(connection: Connection, actor: Actor, variable_id: str) -> None:
    """Delete an environment variable.

    Raises:
        NotFoundError: there is none.
    """
    own = (sandbox_variables.c.id == variable_id, sandbox_variables.c.organization_id == actor.organization_id)
    if connection.execute(delete(sandbox_variables).where(*own)).rowcount == 0:
        raise no_such("environment variable", variable_id)


def list_variables(connection: Connection, actor: Actor, config_id: str, page: Page) -> list[Variable]:
    """The environment variables of settings.

    Raises:
        NotFoundError: there are no such settings.
    """
    get_config(connection, actor, config_id)
    query = _of(actor, sandbox_variables, _VARIABLE).where(sandbox_variables.c.sandbox_config_id == config_id)
    return [Variable(*row) for row in connection.execute(paginate(query, sandbox_variables, page))]


def variables_of_tools(connection: Connection, actor: Actor) -> dict[str, str]:
    """The environment variables of all tools of the organization, in clear.

    Those of the local sandbox come first; settings of other ones are brought over from the former server alone.
    """
    query = (
        select(sandbox_variables.c.key, sandbox_variables.c.value)
        .join(sandbox_configs, sandbox_configs.c.id == sandbox_variables.c.sandbox_config_id)
        .where(sandbox_variables.c.organization_id == actor.organization_id)
        .order_by(sandbox_configs.c.type == LOCAL, sandbox_configs.c.type)
    )
    return {row.key: row.value for row in connection.execute(query)}


def _owner(actor: Actor) -> JsonObject:
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    return author | {"organization_id": actor.organization_id}


def _of(actor: Actor, table: Table, columns: list[Any]) -> Select[Any]:
    return select(*columns).where(table.c.organization_id == actor.organization_id)


def _taken(key: str) -> ConflictError:
    return ConflictError(f"A variable named '{key}' already exists. Update that one, or choose another name.")
