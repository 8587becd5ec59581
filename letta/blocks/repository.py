"""Queries on blocks. Every write of a block goes through `write_block`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from letta.agents.tables import agents_blocks
from letta.blocks.block import Author, Block
from letta.blocks.tables import block_history, blocks, blocks_tags
from letta.conversations.tables import conversations_blocks
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.database.text import check_storable
from letta.errors import InvalidArgumentError, no_such
from letta.identities import repository as identities_repository
from letta.identities.tables import identities_blocks
from letta.organizations.actor import Actor

COLUMNS = [blocks.c[field.name] for field in fields(Block) if field.name != "tags"]
_NAMES = [column.name for column in COLUMNS]


@dataclass(frozen=True, slots=True)
class BlockFilter:
    """Conditions of a block list; those that are None don't count."""

    label: str | None = None
    label_search: str | None = None
    description_search: str | None = None
    value_search: str | None = None
    template_name: str | None = None
    templates_only: bool = False
    project_id: str | None = None
    tags: Sequence[str] | None = None
    match_all_tags: bool = False
    connected_more_than: int | None = None
    connected_fewer_than: int | None = None
    connected_exactly: Sequence[int] | None = None
    show_hidden: bool = False
    identity_id: str | None = None
    identifier_keys: Sequence[str] | None = None


def to_block(row: Row[*tuple[Any, ...]], tags: Iterable[str] = ()) -> Block:
    """The block in a row that begins with all of a block's columns."""
    return Block(**dict(zip(_NAMES, row, strict=False)), tags=list(tags))


def create_block(connection: Connection, actor: Actor, block: Block, author: Author | None = None) -> Block:
    """Store a new block, as given, and its first version. The author is the user unless another is given."""
    return create_blocks(connection, actor, [block], author)[0]


def create_blocks(
    connection: Connection, actor: Actor, new: Sequence[Block], author: Author | None = None
) -> list[Block]:
    """As `create_block`, for several blocks with as few statements as for one."""
    if not new:
        return []
    stored = [replace(_storable(block), created_by_id=actor.user_id, last_updated_by_id=actor.user_id) for block in new]
    owner = {"organization_id": actor.organization_id}
    rows = [{column.name: getattr(block, column.name) for column in COLUMNS} | owner for block in stored]
    connection.execute(insert(blocks), rows)
    _record(connection, actor, stored, author or Author("user", actor.user_id))
    _insert_tags(connection, actor, {block.id: block.tags for block in stored})
    return stored


def write_block(connection: Connection, actor: Actor, block: Block, author: Author) -> Block:
    """Store ``block``, which was read under lock in this transaction, as its next version."""
    written = replace(_storable(block), version=block.version + 1, last_updated_by_id=actor.user_id)
    values = {column.name: getattr(written, column.name) for column in COLUMNS}
    connection.execute(update(blocks).where(blocks.c.id == block.id).values(updated_at=func.now(), **values))
    _record(connection, actor, [written], author)
    return written


def update_block(connection: Connection, actor: Actor, block_id: str, changes: Mapping[str, Any]) -> Block:
    """Apply a client's changes to a block.

    Raises:
        NotFoundError: no such block.
        InvalidArgumentError: the value is longer than the limit.
        ConflictError: an agent would have two blocks of one label.
    """
    block = lock_block(connection, actor, block_id)
    tags = changes.get("tags")
    if tags is not None:
        _replace_tags(connection, actor, block_id, tags)
    own = {name: value for name, value in changes.items() if name != "tags"}
    changed = replace(block, **{name: value for name, value in own.items() if value is not None or _nullable(name)})
    if changed.label != block.label:
        _check_label_is_free(connection, changed)
    written = write_block(connection, actor, changed, Author("user", actor.user_id))
    return replace(written, tags=tags if tags is not None else tags_of(connection, [block_id]).get(block_id, []))


def lock_block(connection: Connection, actor: Actor, block_id: str) -> Block:
    """The block, locked until the transaction ends. Tags are not loaded."""
    row = connection.execute(_select(actor).where(blocks.c.id == block_id).with_for_update(key_share=True)).first()
    if row is None:
        raise no_such("block", block_id)
    return to_block(row)


def get_block(connection: Connection, actor: Actor, block_id: str) -> Block:
    """The block with this id."""
    row = connection.execute(_select(actor).where(blocks.c.id == block_id)).first()
    if row is None:
        raise no_such("block", block_id)
    return to_block(row, tags_of(connection, [block_id]).get(block_id, ()))


def get_blocks(connection: Connection, actor: Actor, block_ids: Sequence[str], *, lock: bool = False) -> list[Block]:
    """The blocks with these ids, in the order of the ids; locked in id order when asked. Tags are not loaded.

    Raises:
        NotFoundError: one of them does not exist.
    """
    if not block_ids:
        return []
    query = _select(actor).where(blocks.c.id.in_(block_ids))
    if lock:
        query = query.order_by(blocks.c.id).with_for_update(key_share=True)
    found = {row.id: to_block(row) for row in connection.execute(query)}
    for block_id in block_ids:
        if block_id not in found:
            raise no_such("block", block_id)
    return [found[block_id] for block_id in block_ids]


def list_blocks(connection: Connection, actor: Actor, condition: BlockFilter, page: Page) -> list[Block]:
    """Blocks of the organization that meet the condition."""
    query = paginate(_filtered(_select(actor), condition), blocks, page)
    return with_tags(connection, [to_block(row) for row in connection.execute(query)])


def count_blocks(connection: Connection, actor: Actor, condition: BlockFilter) -> int:
    """How many blocks meet the condition."""
    query = _filtered(select(func.count()).select_from(blocks), condition)
    return connection.scalar(query.where(blocks.c.organization_id == actor.organization_id)) or 0


def delete_block(connection: Connection, actor: Actor, block_id: str) -> None:
    """Delete a block; agents that hold it lose it."""
    found = connection.execute(
        delete(blocks).where(blocks.c.id == block_id, blocks.c.organization_id == actor.organization_id)
    )
    if found.rowcount == 0:
        raise no_such("block", block_id)


_BLOCKS_OF_AGENT = (
    select(*COLUMNS, agents_blocks.c.position)
    .join(agents_blocks, agents_blocks.c.block_id == blocks.c.id)
    .where(agents_blocks.c.agent_id == bindparam("agent_id"))
)
_LOCKED_BLOCKS_OF_AGENT = _BLOCKS_OF_AGENT.order_by(blocks.c.id).with_for_update(of=blocks, key_share=True)


def blocks_of_agent(connection: Connection, agent_id: str, *, lock: bool = False) -> list[Block]:
    """The agent's blocks in the order they were attached; locked in id order when asked. Tags are not loaded."""
    rows = connection.execute(_LOCKED_BLOCKS_OF_AGENT if lock else _BLOCKS_OF_AGENT, {"agent_id": agent_id}).all()
    return [to_block(row) for row in sorted(rows, key=lambda row: (row.position, row.id))]


def blocks_of_conversation(connection: Connection, conversation_id: str, *, lock: bool = False) -> list[Block]:
    """The isolated blocks of a conversation."""
    query = select(*COLUMNS).join(conversations_blocks, conversations_blocks.c.block_id == blocks.c.id)
    query = query.where(conversations_blocks.c.conversation_id == conversation_id).order_by(blocks.c.id)
    rows = connection.execute(query.with_for_update(of=blocks, key_share=True) if lock else query)
    return [to_block(row) for row in rows]


def blocks_of_agents(connection: Connection, agent_ids: Sequence[str]) -> dict[str, list[Block]]:
    """The blocks of several agents, by agent id."""
    query = (
        select(*COLUMNS, agents_blocks.c.agent_id)
        .join(agents_blocks, agents_blocks.c.block_id == blocks.c.id)
        .where(agents_blocks.c.agent_id.in_(agent_ids))
        .order_by(agents_blocks.c.agent_id, agents_blocks.c.position, blocks.c.id)
    )
    rows = connection.execute(query).all()
    tags = tags_of(connection, list({row.id for row in rows}))
    found: dict[str, list[Block]] = {}
    for row in rows:
        found.setdefault(row.agent_id, []).append(to_block(row, tags.get(row.id, ())))
    return found


def attach_block(connection: Connection, agent_id: str, block_id: str) -> None:
    """Give an agent a block, after those it has. Attaching it twice changes nothing."""
    last = select(func.coalesce(func.max(agents_blocks.c.position), -1)).where(agents_blocks.c.agent_id == agent_id)
    values = {"agent_id": agent_id, "block_id": block_id, "position": last.scalar_subquery() + 1}
    connection.execute(upsert(agents_blocks).values(values).on_conflict_do_nothing())


def detach_block(connection: Connection, agent_id: str, block_id: str) -> bool:
    """Take a block away from an agent; it stays stored. Returns whether the agent had it."""
    found = connection.execute(
        delete(agents_blocks).where(agents_blocks.c.agent_id == agent_id, agents_blocks.c.block_id == block_id)
    )
    return found.rowcount > 0


def tags_of(connection: Connection, block_ids: Sequence[str]) -> dict[str, list[str]]:
    """The tags of several blocks, by block id, sorted."""
    if not block_ids:
        return {}
    query = select(blocks_tags.c.block_id, blocks_tags.c.tag).where(blocks_tags.c.block_id.in_(block_ids))
    found: dict[str, list[str]] = {}
    for block_id, tag in connection.execute(query.order_by(blocks_tags.c.tag)):
        found.setdefault(block_id, []).append(tag)
    return found


def with_tags(connection: Connection, found: Sequence[Block]) -> list[Block]:
    """These blocks with their tags loaded."""
    tags = tags_of(connection, [block.id for block in found])
    return [replace(block, tags=tags.get(block.id, [])) for block in found]


def check_limit(block: Block) -> None:
    """Refuse a value that is longer than its block's limit.

    Raises:
        InvalidArgumentError: it is.
    """
    if len(block.value) > block.limit:
        raise InvalidArgumentError(
            f"value of block '{block.label}' has {len(block.value)} characters, but its limit is {block.limit}. "
            "Shorten the value or raise the block's limit."
        )


def _storable(block: Block) -> Block:
    """The block without NUL characters in its value, which Postgres can't store."""
    check_storable([block.label, block.description, block.metadata, block.tags], f"block '{block.label}'")
    block = replace(block, value=block.value.replace("\0", ""))
    check_limit(block)
    return block


def new_block(**values: Any) -> Block:
    """A block that isn't stored yet, with an id of its own."""
    return Block(id=new_id("block"), **values)


def _select(actor: Actor) -> Select[Any]:
    return select(*COLUMNS).where(blocks.c.organization_id == actor.organization_id)


def _filtered(query: Select[Any], condition: BlockFilter) -> Select[Any]:
    exact = {
        blocks.c.label: condition.label,
        blocks.c.template_name: condition.template_name,
        blocks.c.project_id: condition.project_id,
    }
    searched = {
        blocks.c.label: condition.label_search,
        blocks.c.description: condition.description_search,
        blocks.c.value: condition.value_search,
    }
    query = query.where(*(column == value for column, value in exact.items() if value is not None))
    query = query.where(
        *(column.icontains(text, autoescape=True) for column, text in searched.items() if text is not None)
    )
    if condition.templates_only:
        query = query.where(blocks.c.is_template)
    attached = identities_repository.holds(
        identities_blocks.c.block_id, condition.identity_id, condition.identifier_keys
    )
    if attached is not None:
        query = query.where(blocks.c.id.in_(attached))
    if not condition.show_hidden:
        query = query.where(blocks.c.hidden.is_not(True))
    return _filtered_by_connections(_filtered_by_tags(query, condition), condition)


def _filtered_by_tags(query: Select[Any], condition: BlockFilter) -> Select[Any]:
    if not condition.tags:
        return query
    wanted = set(condition.tags)
    tagged = select(blocks_tags.c.block_id).where(blocks_tags.c.tag.in_(wanted)).group_by(blocks_tags.c.block_id)
    if condition.match_all_tags:
        tagged = tagged.having(func.count() == len(wanted))
    return query.where(blocks.c.id.in_(tagged))


def _filtered_by_connections(query: Select[Any], condition: BlockFilter) -> Select[Any]:
    count = (
        select(func.count())
        .select_from(agents_blocks)
        .where(agents_blocks.c.block_id == blocks.c.id)
        .correlate(blocks)
        .scalar_subquery()
    )
    if condition.connected_more_than is not None:
        query = query.where(count > condition.connected_more_than)
    if condition.connected_fewer_than is not None:
        query = query.where(count < condition.connected_fewer_than)
    if condition.connected_exactly:
        query = query.where(count.in_(condition.connected_exactly))
    return query


def _record(connection: Connection, actor: Actor, written: Sequence[Block], author: Author) -> None:
    rows = [
        {
            "block_id": block.id,
            "version": block.version,
            "organization_id": actor.organization_id,
            "label": block.label,
            "value": block.value,
            "limit": block.limit,
            "description": block.description,
            "author_type": author.type,
            "author_id": author.id,
            "run_id": author.run_id,
        }
        for block in written
    ]
    connection.execute(insert(block_history), rows)


def _replace_tags(connection: Connection, actor: Actor, block_id: str, tags: Iterable[str]) -> None:
    connection.execute(delete(blocks_tags).where(blocks_tags.c.block_id == block_id))
    _insert_tags(connection, actor, {block_id: tags})


def _insert_tags(connection: Connection, actor: Actor, tags: Mapping[str, Iterable[str]]) -> None:
    rows = [
        {"block_id": block_id, "tag": tag, "organization_id": actor.organization_id}
        for block_id, own in tags.items()
        for tag in dict.fromkeys(own)
    ]
    if rows:
        connection.execute(insert(blocks_tags), rows)


def _check_label_is_free(connection: Connection, block: Block) -> None:
    from letta.agents.relation_repository import check_label_is_free

    holders = connection.scalars(select(agents_blocks.c.agent_id).where(agents_blocks.c.block_id == block.id)).all()
    for agent_id in holders:
        check_label_is_free(connection, agent_id, block)


def _nullable(name: str) -> bool:
    return bool(blocks.c[name].nullable)
