"""Queries on what agents see of the files in their folders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    delete,
    exists,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from letta.agents.tables import agents, agents_folders, agents_tools
from letta.archives.archive import Archive
from letta.archives.tables import archives
from letta.database.base import SCHEMA
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.folders.directories import MOST_CLOSED, Directory
from letta.folders.file import AttachedFile
from letta.folders.tables import files, files_agents, folders
from letta.organizations.actor import Actor
from letta.tools.tables import tools

_NAMES = [field.name for field in fields(AttachedFile)]
_NAMED = {
    "folder_name": folders.c.name,
    "own_name": files.c.file_name,
    "file_type": files.c.file_type,
    "line_count": files.c.line_count,
}
_COLUMNS = [(_NAMED[name] if name in _NAMED else files_agents.c[name]).label(name) for name in _NAMES]
_label = folders.c.name + "/" + files.c.file_name


class View:
    """What an agent is to see of a file from now on."""

    __slots__ = ("content", "end", "file", "start")

    def __init__(self, file: AttachedFile, content: str, start: int | None = None, end: int | None = None) -> None:
        self.file, self.content, self.start, self.end = file, content, start, end


def _joined(columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    return (
        select(*columns)
        .select_from(files_agents)
        .join(files, files.c.id == files_agents.c.file_id)
        .join(folders, folders.c.id == files_agents.c.folder_id)
    )


def list_attached(
    connection: Connection, agent_id: str, page: Page, is_open: bool | None
) -> tuple[list[AttachedFile], bool]:
    """A page of an agent's files, and whether there are more."""
    query = _joined(_COLUMNS).where(files_agents.c.agent_id == agent_id)
    if is_open is not None:
        query = query.where(files_agents.c.is_open == is_open)
    limit = page.limit
    wider = Page(None if limit is None else limit + 1, page.before, page.after, page.order)
    found = [_to_file(row) for row in connection.execute(paginate(query, files_agents, wider))]
    return found[:limit], limit is not None and len(found) > limit


def all_attached(connection: Connection, agent_ids: Collection[str]) -> dict[str, list[AttachedFile]]:
    """The files of several agents by agent id, in the order in which they came; agents without files are left out."""
    query = _joined(_COLUMNS).where(files_agents.c.agent_id.in_(agent_ids))
    found: dict[str, list[AttachedFile]] = {}
    for row in connection.execute(query.order_by(files.c.created_at, files.c.id)):
        file = _to_file(row)
        found.setdefault(file.agent_id, []).append(file)
    return found


def attached_by_id(connection: Connection, agent_id: str, file_id: str) -> AttachedFile | None:
    """A file as an agent has it."""
    query = _joined(_COLUMNS).where(files_agents.c.agent_id == agent_id, files_agents.c.file_id == file_id)
    row = connection.execute(query).first()
    return None if row is None else _to_file(row)


def attached_by_names(connection: Connection, agent_id: str, names: Collection[str]) -> dict[str, AttachedFile]:
    """Those of an agent's files that have these names, ``folder/file`` each."""
    query = _joined(_COLUMNS).where(files_agents.c.agent_id == agent_id, _label.in_(names))
    return {file.file_name: file for file in map(_to_file, connection.execute(query))}


def names_of(connection: Connection, agent_id: str, limit: int) -> list[str]:
    """Names of an agent's files."""
    query = _joined([_label]).where(files_agents.c.agent_id == agent_id).order_by(files.c.created_at, files.c.id)
    return list(connection.scalars(query.limit(limit)))


_DIRECTORIES = (
    select(
        folders.c.id,
        folders.c.name,
        folders.c.description,
        folders.c.instructions,
        *(column for column in _COLUMNS if column.name not in {"agent_id", "folder_id", "folder_name", "id"}),
        files_agents.c.id.label("attached_id"),
        func.count(files_agents.c.id).over(partition_by=folders.c.id).label("file_count"),
    )
    .select_from(agents_folders)
    .join(folders, folders.c.id == agents_folders.c.folder_id)
    .outerjoin(
        files_agents,
        (files_agents.c.agent_id == agents_folders.c.agent_id) & (files_agents.c.folder_id == folders.c.id),
    )
    .outerjoin(files, files.c.id == files_agents.c.file_id)
    .where(agents_folders.c.agent_id == bindparam("agent_id"))
)
_shown_rank = (
    func.row_number()
    .over(
        partition_by=_DIRECTORIES.selected_columns.id,
        order_by=(files_agents.c.is_open.desc(), files.c.created_at, files.c.id),
    )
    .label("rank")
)
_ranked = _DIRECTORIES.add_columns(
    _shown_rank, folders.c.created_at.label("folder_made"), files.c.created_at.label("file_made")
).subquery()
_SHOWN = (
    select(_ranked)
    .where((_ranked.c.rank <= MOST_CLOSED) | _ranked.c.is_open)
    .order_by(_ranked.c.folder_made, _ranked.c.id, _ranked.c.file_made, _ranked.c.file_id)
)


def directories_of(connection: Connection, agent_id: str) -> list[Directory]:
    """An agent's folders and files as its system message shows them, oldest first."""
    found: dict[str, Directory] = {}
    for row in connection.execute(_SHOWN, {"agent_id": agent_id}):
        directory = found.get(row.id)
        if directory is None:
            directory = found[row.id] = Directory(row.name, row.description, row.instructions, row.file_count)
        if row.file_id is not None:
            own = {"id": row.attached_id, "agent_id": agent_id, "folder_id": row.id, "folder_name": row.name}
            values = {name: getattr(row, name) for name in _NAMES if name not in own}
            directory.files.append(AttachedFile(**own, **values))
    return list(found.values())


def attach_new(connection: Connection, actor: Actor, agent_id: str, limit: int) -> list[AttachedFile]:
    """Let an agent have, closed, all files of its folders that it doesn't have yet. Returns the oldest of them."""
    query = (
        select(agents_folders.c.folder_id, files.c.id)
        .select_from(agents_folders)
        .join(files, files.c.folder_id == agents_folders.c.folder_id)
        .where(agents_folders.c.agent_id == agent_id, files.c.content.is_not(None))
        .where(~exists().where(files_agents.c.agent_id == agent_id, files_agents.c.file_id == files.c.id))
        .order_by(files.c.created_at, files.c.id)
    )
    rows = [_row(actor, agent_id, folder_id, file_id) for folder_id, file_id in connection.execute(query)]
    if not rows:
        return []
    connection.execute(insert(files_agents).on_conflict_do_nothing(), _in_order(rows))
    first = [row["file_id"] for row in rows[:limit]]
    return _attached(connection, agent_id, first)


def attach_file(connection: Connection, actor: Actor, folder_id: str, file_id: str) -> list[AttachedFile]:
    """Let all agents that have a folder have a file of it, closed. Returns it as each of them has it."""
    query = select(agents_folders.c.agent_id).where(agents_folders.c.folder_id == folder_id)
    agent_ids = list(connection.scalars(query.order_by(agents_folders.c.agent_id)))
    if not agent_ids:
        return []
    rows = [_row(actor, agent_id, folder_id, file_id) for agent_id in agent_ids]
    statement = insert(files_agents).on_conflict_do_nothing()
    made = set(connection.scalars(statement.values(rows).returning(files_agents.c.id)))
    found = connection.execute(_joined(_COLUMNS).where(files_agents.c.file_id == file_id))
    return [file for file in map(_to_file, found) if file.id in made]


def _attached(connection: Connection, agent_id: str, file_ids: Sequence[str]) -> list[AttachedFile]:
    query = _joined(_COLUMNS).where(files_agents.c.agent_id == agent_id, files_agents.c.file_id.in_(file_ids))
    found = {file.file_id: file for file in map(_to_file, connection.execute(query))}
    return [found[file_id] for file_id in file_ids if file_id in found]


def _in_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows each of which is made a moment after the one before, so that lists keep their order."""
    now = datetime.now(UTC)
    return [row | {"created_at": now + timedelta(microseconds=place)} for place, row in enumerate(rows)]


def _row(actor: Actor, agent_id: str, folder_id: str, file_id: str) -> dict[str, Any]:
    return {
        "id": new_id("file_agent"),
        "organization_id": actor.organization_id,
        "agent_id": agent_id,
        "folder_id": folder_id,
        "file_id": file_id,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
    }


def contents_of(connection: Connection, file_ids: Collection[str], characters: int | None = None) -> dict[str, str]:
    """The texts of files by their ids, or so many characters of their beginnings."""
    content = files.c.content if characters is None else func.left(files.c.content, characters)
    rows = connection.execute(select(files.c.id, content).where(files.c.id.in_(file_ids)))
    return {file_id: text or "" for file_id, text in rows}


def lengths_of(connection: Connection, agent_id: str) -> list[tuple[AttachedFile, int]]:
    """All of an agent's files with the lengths of their texts in bytes, by name."""
    query = _joined([*_COLUMNS, func.octet_length(files.c.content).label("length")])
    query = query.where(files_agents.c.agent_id == agent_id).order_by(_label)
    return [(_to_file(row), row.length or 0) for row in connection.execute(query)]


def lock(connection: Connection, agent_id: str) -> None:
    """Let nobody else open or close files of an agent until the transaction ends."""
    connection.execute(select(agents.c.id).where(agents.c.id == agent_id).with_for_update(key_share=True))


def open_views(connection: Connection, views: Sequence[View], moment: datetime) -> None:
    """Show files to an agent as told, the last of them counting as the one that was opened last."""
    if not views:
        return
    statement = text(f"""
        UPDATE {SCHEMA}.files_agents AS f
        SET is_open = true, visible_content = v.content, start_line = v.first, end_line = v.last,
            last_accessed_at = v.moment, updated_at = now()
        FROM unnest(CAST(:ids AS text[]), CAST(:contents AS text[]), CAST(:firsts AS int[]), CAST(:lasts AS int[]),
            CAST(:moments AS timestamptz[])) AS v (id, content, first, last, moment)
        WHERE f.id = v.id
    """)  # noqa: S608 - the schema's name is validated by the settings
    values = {
        "ids": [view.file.id for view in views],
        "contents": [view.content for view in views],
        "firsts": [view.start for view in views],
        "lasts": [view.end for view in views],
        "moments": [moment + timedelta(microseconds=place) for place in range(len(views))],
    }
    connection.execute(statement, values)


def close_oldest(connection: Connection, agent_id: str, keep: int) -> list[str]:
    """Close those of an agent's open files that were used longest ago, but for so many. Returns their names."""
    return close_oldest_of(connection, {agent_id: keep})


def close_oldest_of(connection: Connection, keep: Mapping[str, int]) -> list[str]:
    """As `close_oldest`, for several agents, each of which keeps so many."""
    statement = text(f"""
        SELECT id FROM (
            SELECT f.id, k.keep,
                row_number() OVER (PARTITION BY f.agent_id ORDER BY f.last_accessed_at DESC NULLS LAST, f.id) AS place
            FROM unnest(CAST(:agents AS text[]), CAST(:keeps AS int[])) AS k (agent_id, keep)
            JOIN {SCHEMA}.files_agents AS f ON f.agent_id = k.agent_id WHERE f.is_open
        ) AS opened WHERE place > keep
    """).bindparams(agents=list(keep), keeps=list(keep.values()))  # noqa: S608 - as above
    beyond = statement.columns(Column("id", Text)).subquery()
    return _close(connection, files_agents.c.id.in_(select(beyond.c.id)))


def close_others(connection: Connection, agent_id: str, kept: Collection[str]) -> list[str]:
    """Close all of an agent's open files but for those with these ids. Returns their names."""
    return _close(connection, files_agents.c.agent_id == agent_id, files_agents.c.file_id.not_in(kept))


def close_one(connection: Connection, agent_id: str, file_id: str) -> list[str]:
    """Close a file of an agent. Returns its name, where it was open."""
    return _close(connection, files_agents.c.agent_id == agent_id, files_agents.c.file_id == file_id)


def _close(connection: Connection, *conditions: ColumnElement[bool]) -> list[str]:
    closed = {"is_open": False, "visible_content": None, "start_line": None, "end_line": None, "updated_at": func.now()}
    statement = (
        update(files_agents)
        .where(*conditions, files_agents.c.is_open)
        .where(files.c.id == files_agents.c.file_id, folders.c.id == files_agents.c.folder_id)
        .values(closed)
        .returning(_label, files_agents.c.last_accessed_at, files.c.created_at)
    )
    rows = connection.execute(statement).all()
    return [row[0] for row in sorted(rows, key=lambda row: (row[1] or row[2], row[2]))]


def has_folders(connection: Connection, agent_id: str) -> bool:
    """Whether an agent may look into any folder."""
    return bool(connection.scalar(select(exists().where(agents_folders.c.agent_id == agent_id))))


def take_tools_from(
    connection: Connection, names: Collection[str], *, agent_id: str | None = None, but_for: str | None = None
) -> None:
    """Take built-in tools of these names from an agent, or from all that have no folder but for one."""
    ours = select(tools.c.id).where(tools.c.name.in_(names), tools.c.tool_type.startswith("letta_", autoescape=True))
    statement = delete(agents_tools).where(agents_tools.c.tool_id.in_(ours))
    if agent_id is not None:
        statement = statement.where(agents_tools.c.agent_id == agent_id)
    else:
        holders = agents_folders.alias()
        statement = statement.where(
            exists().where(holders.c.agent_id == agents_tools.c.agent_id, holders.c.folder_id == but_for),
            ~exists().where(
                agents_folders.c.agent_id == agents_tools.c.agent_id, agents_folders.c.folder_id != but_for
            ),
        )
    connection.execute(statement)


def archives_of_folders(connection: Connection, agent_id: str) -> list[Archive]:
    """The archives that hold the passages of an agent's folders."""
    query = (
        select(*(archives.c[field.name] for field in fields(Archive)))
        .join(agents_folders, agents_folders.c.folder_id == archives.c.folder_id)
        .where(agents_folders.c.agent_id == agent_id)
        .order_by(archives.c.created_at, archives.c.id)
    )
    return [Archive(*row) for row in connection.execute(query)]


def names_of_files(connection: Connection, file_ids: Collection[str]) -> dict[str, str]:
    """Names of files, ``folder/file`` each, by their ids."""
    query = select(files.c.id, _label).join(folders, folders.c.id == files.c.folder_id)
    return {row[0]: row[1] for row in connection.execute(query.where(files.c.id.in_(file_ids)))}


def _to_file(row: Row[Any]) -> AttachedFile:
    values = row._mapping
    return AttachedFile(**{name: values[name] for name in _NAMES})
