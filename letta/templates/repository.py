"""Queries on templates, their versions, and the agents that were made after them."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from letta.agents.tables import agents, agents_blocks
from letta.blocks.tables import blocks
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, InvalidArgumentError, NotFoundError
from letta.organizations.actor import Actor
from letta.templates.tables import template_deployments, template_versions, templates
from letta.templates.template import Instance, Template, Version

_TEMPLATE = [templates.c[field.name] for field in fields(Template)]
_VERSION = [template_versions.c[field.name] for field in fields(Version)]


def insert_template(
    connection: Connection, actor: Actor, name: str, description: str | None, project_id: str | None, file: str
) -> Template:
    """Store a new template with its first version.

    Raises:
        ConflictError: another one has its name.
    """
    values = {"id": new_id("template"), "name": name, "description": description, "project_id": project_id}
    row = values | {"current": file, "latest_version": 0} | _owner(actor)
    try:
        made = Template(*connection.execute(insert(templates).values(row).returning(*_TEMPLATE)).one())
    except IntegrityError as error:
        raise ConflictError(f"A template named '{name}' already exists. Choose another name.") from error
    return insert_version(connection, actor, made, file, message=None)[0]


def insert_version(
    connection: Connection, actor: Actor, template: Template, file: str, message: str | None
) -> tuple[Template, Version]:
    """Save a state of a template, which is locked, as its next version."""
    number = template.latest_version + 1
    values = {"id": new_id("template"), "template_id": template.id, "version": number, "file": file, "message": message}
    row = values | _owner(actor)
    version = Version(*connection.execute(insert(template_versions).values(row).returning(*_VERSION)).one())
    return write_template(connection, actor, template, latest_version=number), version


def write_template(connection: Connection, actor: Actor, template: Template, **changes: Any) -> Template:
    """Change a template, which is locked."""
    values = changes | {"updated_at": func.now(), "last_updated_by_id": actor.user_id}
    query = update(templates).where(templates.c.id == template.id).values(values).returning(*_TEMPLATE)
    return Template(*connection.execute(query).one())


def list_templates(connection: Connection, actor: Actor, page: Page) -> list[Template]:
    """A page of the organization's templates."""
    query = select(*_TEMPLATE).where(templates.c.organization_id == actor.organization_id)
    return [Template(*row) for row in connection.execute(paginate(query, templates, page))]


def get_template(connection: Connection, actor: Actor, name: str) -> Template:
    """The template of this name.

    Raises:
        NotFoundError: there is none.
    """
    return _one(connection, _named(select(*_TEMPLATE), actor, name), name)


def lock_template(connection: Connection, actor: Actor, name: str) -> tuple[Template, str]:
    """The template of this name and its working copy, locked until the transaction ends.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_named(select(*_TEMPLATE, templates.c.current), actor, name).with_for_update()).first()
    if row is None:
        raise _unknown(name)
    return Template(*row[:-1]), row[-1]


def delete_template(connection: Connection, actor: Actor, name: str) -> None:
    """Delete a template with its versions. Agents that were made after it stay.

    Raises:
        NotFoundError: there is none.
    """
    owned = (templates.c.name == name, templates.c.organization_id == actor.organization_id)
    if connection.execute(delete(templates).where(*owned)).rowcount == 0:
        raise _unknown(name)


def versions_of(connection: Connection, template: Template, page: Page) -> list[Version]:
    """A page of a template's versions."""
    query = select(*_VERSION).where(template_versions.c.template_id == template.id)
    return [Version(*row) for row in connection.execute(paginate(query, template_versions, page))]


def find_version(connection: Connection, template: Template, version: str) -> tuple[Version, str]:
    """A version by its number, or the latest one, and its file.

    Raises:
        NotFoundError: there is none.
        InvalidArgumentError: it is neither a number nor `latest`.
    """
    number = str(template.latest_version) if version == "latest" else version
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise InvalidArgumentError(f"'{version[:50]}' is not a version. Use a version number, or 'latest'.")
    condition = (template_versions.c.template_id == template.id, template_versions.c.version == int(number))
    row = connection.execute(select(*_VERSION, template_versions.c.file).where(*condition)).first()
    if row is None:
        raise NotFoundError(
            f"Template '{template.name}' has no version {number}. The latest is {template.latest_version}."
        )
    return Version(*row[:-1]), row[-1]


def insert_deployment(
    connection: Connection, actor: Actor, template: Template, memory_variables: Mapping[str, str]
) -> str:
    """Note what agents are made with. Returns its id."""
    values = {"id": new_id("deployment"), "template_id": template.id, "memory_variables": json.dumps(memory_variables)}
    connection.execute(insert(template_deployments).values(values | _owner(actor)))
    return values["id"]


def note_origin(
    connection: Connection, template: Template, version: Version, deployment_id: str, entries: Mapping[str, str]
) -> None:
    """Note at agents and their blocks what they were made after.

    Args:
        entries: by agent id, the entry of the file.
    """
    origin = {"base_template_id": template.id, "template_id": version.id, "deployment_id": deployment_id}
    for agent_id, entry_id in entries.items():
        connection.execute(update(agents).where(agents.c.id == agent_id).values(entity_id=entry_id, **origin))
    own = select(agents_blocks.c.block_id).where(agents_blocks.c.agent_id.in_(list(entries)))
    connection.execute(update(blocks).where(blocks.c.id.in_(own)).values(**origin))


def note_origin_of_blocks(connection: Connection, template: Template, version: Version, block_ids: list[str]) -> None:
    """The same for blocks that an agent got later."""
    values = {"base_template_id": template.id, "template_id": version.id}
    connection.execute(update(blocks).where(blocks.c.id.in_(block_ids)).values(values))


def instances_of(connection: Connection, actor: Actor, template: Template, version: Version) -> list[Instance]:
    """The agents that were made after a template and aren't at this version, oldest first."""
    columns = (agents.c.id, agents.c.entity_id, template_deployments.c.memory_variables)
    query = (
        select(*columns)
        .outerjoin(template_deployments, template_deployments.c.id == agents.c.deployment_id)
        .where(
            agents.c.organization_id == actor.organization_id,
            agents.c.base_template_id == template.id,
            agents.c.template_id.is_distinct_from(version.id),
        )
        .order_by(agents.c.created_at, agents.c.id)
    )
    return [Instance(row[0], row[1], json.loads(row[2] or "{}")) for row in connection.execute(query)]


def held_by_others(connection: Connection, agent_id: str, block_ids: list[str]) -> set[str]:
    """Those of these blocks that other agents have as well."""
    query = select(agents_blocks.c.block_id).where(
        agents_blocks.c.block_id.in_(block_ids), agents_blocks.c.agent_id != agent_id
    )
    return set(connection.scalars(query))


def _owner(actor: Actor) -> dict[str, str]:
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    return {"organization_id": actor.organization_id} | author


def _named(query: Select[Any], actor: Actor, name: str) -> Select[Any]:
    return query.where(templates.c.name == name, templates.c.organization_id == actor.organization_id)


def _one(connection: Connection, query: Select[Any], name: str) -> Template:
    row = connection.execute(query).first()
    if row is None:
        raise _unknown(name)
    return Template(*row)


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no template named '{name[:100]}'. GET /v1/templates lists them.")
