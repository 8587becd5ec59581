"""The tools that find something in files."""

from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatch

from letta.archives.archive import Passage
from letta.archives.memory import ArchivalMemory
from letta.database.engine import Database
from letta.folders import attached_repository as repository
from letta.folders.file import AttachedFile
from letta.folders.file_types import known_type
from letta.folders.reading import FileReader, TaskError
from letta.json_types import JsonObject
from letta.memory_tools.errors import ToolError
from letta.organizations.actor import Actor
from letta.search.request import PassageSearch

_PAGE = 20
_MOST_MATCHES = 1000
_MOST_PATTERN = 1000
_MOST_CONTEXT = 20
_MOST_PASSAGES = 50
_BATCH_BYTES = 4 * 1024 * 1024
"""So much text is taken from the database at once."""
_MOST_BYTES = 50 * 1024 * 1024
"""Files that are larger are left out."""
_RULE = "=" * 80


async def grep_files(
    database: Database,
    reader: FileReader,
    agent_id: str,
    pattern: str,
    include: str | None = None,
    context_lines: int = 1,
    offset: int = 0,
) -> str:
    """The lines of an agent's files that match a regular expression, page by page.

    Raises:
        ToolError: the pattern can't be used.
    """
    if not pattern or len(pattern) > _MOST_PATTERN:
        raise ToolError(f"pattern must have 1 to {_MOST_PATTERN} characters.")
    if offset < 0 or context_lines < 0:
        raise ToolError("offset and context_lines must not be negative.")
    everything = await database.read(repository.lengths_of, agent_id)
    files = [(file, size) for file, size in everything if size <= _MOST_BYTES and _fits(file, include)]
    if not files:
        return "There are no files to search." if not include else f"None of your files matches '{include}'."
    task = {
        "pattern": pattern,
        "context": min(context_lines, _MOST_CONTEXT),
        "first": offset,
        "page": _PAGE,
        "most": _MOST_MATCHES,
        "files": [(file.file_name, known_type(file.file_type).is_prose) for file, _ in files],
    }
    try:
        found = await reader.search(task, _texts(database, files))
    except TaskError as error:
        raise ToolError(str(error)) from None
    return _matches_text(found, pattern, offset)


def _fits(file: AttachedFile, include: str | None) -> bool:
    return not include or fnmatch(file.file_name, include) or fnmatch(file.own_name, include)


async def _texts(database: Database, files: Sequence[tuple[AttachedFile, int]]) -> AsyncIterator[bytes]:
    """The texts of files in their order, several of them with one query, but not too much at once."""
    batch: list[str] = []
    size = 0
    for file, length in files:
        if batch and size + length > _BATCH_BYTES:
            async for text in _batch(database, batch):
                yield text
            batch, size = [], 0
        batch.append(file.file_id)
        size += length
    async for text in _batch(database, batch):
        yield text


async def _batch(database: Database, file_ids: Sequence[str]) -> AsyncIterator[bytes]:
    texts = await database.read(repository.contents_of, file_ids)
    for file_id in file_ids:
        yield texts.get(file_id, "").encode()


def _matches_text(found: JsonObject, pattern: str, offset: int) -> str:
    total, shown = found["total"], found["shown"]
    if not total:
        return f"No line of your files matches '{pattern}'."
    count = f"{total} or more" if found["cut"] else str(total)
    if not shown:
        return f"There are only {count} matches. Choose a smaller offset."
    last = offset + len(shown)
    parts = [f"Matches {offset + 1} to {last} of {count}", _RULE, "", "Files with matches:"]
    parts += [f"  - {name}: {number} matches" for name, number in found["counts"].items()]
    parts.append("")
    for match in shown:
        number = match["line"]
        parts += ["", f"=== {match['label']}:{number + 1} ==="]
        parts += [f"{'>' if place == number else ' '} {place + 1}: {line}" for place, line in match["lines"]]
    if last < total or found["cut"]:
        parts += ["", f"There are more matches: call again with offset={last}."]
    return "\n".join(parts)


async def semantic_search_files(
    database: Database, archival: ArchivalMemory, actor: Actor, agent_id: str, query: str, limit: int = 5
) -> str:
    """The passages of an agent's files that fit a question best.

    Raises:
        ToolError: the question is blank.
    """
    if not query.strip():
        raise ToolError("query is empty. Say what you want to know.")
    archives = await database.read(repository.archives_of_folders, agent_id)
    search = PassageSearch(text=query.replace("\0", ""), limit=max(1, min(limit, _MOST_PASSAGES)))
    found = [passage for passage, _ in await archival.find_in_several(actor, archives, search)]
    names = await database.read(repository.names_of_files, {passage.file_id for passage in found if passage.file_id})
    return _passages_text([passage for passage in found if passage.file_id in names], names, query)


def _passages_text(found: Sequence[Passage], names: dict[str, str], query: str) -> str:
    if not found:
        return f"No passage of your files matches '{query}'."
    heading = f"{len(found)} passages of {len(names)} files match '{query}'"
    parts = [heading, "=" * min(len(heading), 80)]
    for number, passage in enumerate(found, 1):
        parts += ["", f"=== {names[passage.file_id or '']} (passage #{number}) ==="]
        parts += [f"  {line}" for line in passage.text.splitlines()]
    return "\n".join(parts)
