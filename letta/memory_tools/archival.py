"""The tools for archival memory."""

import json
from collections.abc import Sequence
from typing import Literal

from letta.archives.archive import Passage
from letta.archives.passage_repository import NewPassage
from letta.json_types import JsonObject
from letta.memory_tools.dates import local, moment
from letta.memory_tools.errors import ToolError
from letta.search.request import PassageSearch

KEPT = "None"
MOST_RESULTS = 100
_USUAL_RESULTS = 5
_MOST_TAGS = 100
_MOST_CHARACTERS = 1_000_000


def archival_search(
    timezone: str,
    query: str,
    tags: Sequence[str] | None = None,
    tag_match_mode: str = "any",
    top_k: int | None = None,
    start_datetime: str | None = None,
    end_datetime: str | None = None,
) -> PassageSearch | None:
    """The search that a call or request describes; None where the query is blank, which finds nothing.

    Raises:
        ToolError: a date can't be read, or there is no such mode.
    """
    if tag_match_mode not in {"any", "all"}:
        raise ToolError("tag_match_mode must be 'any' or 'all'.")
    search = PassageSearch(
        text=query.replace("\0", ""),
        limit=max(1, min(top_k or _USUAL_RESULTS, MOST_RESULTS)),
        tags=_strings(tags),
        all_tags=tag_match_mode == "all",
        start=moment(start_datetime, timezone),
        end=moment(end_datetime, timezone, end=True),
    )
    return search if query.strip() else None


def archival_results(
    found: Sequence[tuple[Passage, float]], timezone: str, *, timespec: Literal["auto", "seconds"] = "seconds"
) -> list[JsonObject]:
    """What a model is told of the passages that were found."""
    return [
        {
            "id": passage.id,
            "timestamp": local(passage.created_at, timezone, timespec) if passage.created_at else "",
            "content": passage.text,
            "tags": passage.tags,
        }
        for passage, _ in found
    ]


def archival_search_text(found: Sequence[tuple[Passage, float]], timezone: str) -> str:
    """The return of the search tool."""
    return json.dumps(archival_results(found, timezone), ensure_ascii=False)


def new_passage(content: str, tags: Sequence[object] | None = None) -> NewPassage:
    """The passage that a call of the insert tool describes, without a vector.

    Raises:
        ToolError: the content is blank or too long, a tag is no text, or there are too many.
    """
    content = content.replace("\0", "")
    if not content.strip():
        raise ToolError("The content is empty. Give the text to store.")
    if len(content) > _MOST_CHARACTERS:
        raise ToolError(f"The content has more than {_MOST_CHARACTERS} characters. Split it into several entries.")
    return NewPassage(content, [tag for tag in _strings(tags) if tag.strip()])


def _strings(values: Sequence[object] | None) -> list[str]:
    given = list(values or ())
    if len(given) > _MOST_TAGS:
        raise ToolError(f"There are more than {_MOST_TAGS} tags. Use fewer.")
    texts = [value.replace("\0", "") for value in given if isinstance(value, str)]
    if len(texts) < len(given):
        raise ToolError("Tags must be strings.")
    return texts
