"""Queries on the versions of blocks, which `letta.blocks.repository` writes."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from letta.blocks.block import Block
from letta.blocks.history import BlockVersion
from letta.blocks.repository import get_block, lock_block, update_block
from letta.blocks.tables import block_history
from letta.database.pagination import Order
from letta.errors import ConflictError, NotFoundError
from letta.organizations.actor import Actor


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """Which part of a block's versions is wanted: later and earlier *in the requested order* than these."""

    limit: int
    before: int | None = None
    after: int | None = None
    order: Order = "desc"


def list_versions(connection: Connection, actor: Actor, block_id: str, page: VersionsPage) -> list[BlockVersion]:
    """Versions of a block.

    Raises:
        NotFoundError: no such block.
    """
    get_block(connection, actor, block_id)
    version, ascending = block_history.c.version, page.order == "asc"
    query = _versions(actor, block_id)
    if page.after is not None:
        query = query.where(version > page.after if ascending else version < page.after)
    if page.before is not None:
        query = query.where(version < page.before if ascending else version > page.before)
    query = query.order_by(version.asc() if ascending else version.desc()).limit(page.limit)
    return [BlockVersion(**row._mapping) for row in connection.execute(query)]


def get_versions(connection: Connection, actor: Actor, block_id: str, *versions: int) -> list[BlockVersion]:
    """These versions of a block, in the order in which they are asked for.

    Raises:
        NotFoundError: no such block, or it has no such version.
    """
    query = _versions(actor, block_id).where(block_history.c.version.in_(versions))
    found = {row.version: BlockVersion(**row._mapping) for row in connection.execute(query)}
    for version in versions:
        if version not in found:
            get_block(connection, actor, block_id)
            raise NotFoundError(f"Block {block_id} has no version {version}.")
    return [found[version] for version in versions]


def revert_block(
    connection: Connection, actor: Actor, block_id: str, version: int, expected: int | None = None
) -> Block:
    """Make a block what it was, by one more edit. Its tags and flags stay.

    Args:
        expected: the version that the block has for all that the caller knows.

    Raises:
        NotFoundError: no such block, or it has no such version.
        ConflictError: the block was edited since the version that was expected, or an agent would have two blocks of
            one label.
    """
    current = lock_block(connection, actor, block_id)
    if expected not in (None, current.version):
        raise ConflictError(
            f"Block {block_id} is now at version {current.version}, not {expected}. Review what was changed, then send "
            f"{current.version} as current_version."
        )
    (wanted,) = get_versions(connection, actor, block_id, version)
    changes = {name: getattr(wanted, name) for name in ("label", "value", "limit", "description")}
    return update_block(connection, actor, block_id, changes)


def _versions(actor: Actor, block_id: str) -> Select[Any]:
    previous = block_history.alias()
    columns = [column for column in block_history.c if column.name != "organization_id"]
    precedes = and_(previous.c.block_id == block_history.c.block_id, previous.c.version == block_history.c.version - 1)
    return (
        select(*columns, previous.c.value.label("previous_value"))
        .select_from(block_history.outerjoin(previous, precedes))
        .where(block_history.c.block_id == block_id, block_history.c.organization_id == actor.organization_id)
    )
