"""Finding tools by what they are for."""

from sqlalchemy import Connection

from letta.organizations.actor import Actor
from letta.search.request import ToolSearch
from letta.search.tool_repository import search_tools
from letta.tools.repository import COLUMNS, to_tool
from letta.tools.schemas import ToolResponse, ToolSearchRequest, ToolSearchResult


def find_tools(connection: Connection, actor: Actor, body: ToolSearchRequest) -> list[ToolSearchResult]:
    """The tools that a request looks for, the best first. There are no vectors of tools: every mode goes by words."""
    search = ToolSearch(body.query or "", body.limit, types=body.tool_types or None, tags=body.tags or None)
    found = search_tools(connection, actor, search, [column.name for column in COLUMNS])
    asked = bool(search.text.strip())
    return [
        ToolSearchResult(
            tool=ToolResponse.model_validate(to_tool(row)),
            embedded_text=said,
            fts_rank=place if asked else None,
            combined_score=score,
        )
        for place, (row, said, score) in enumerate(found, 1)
    ]
