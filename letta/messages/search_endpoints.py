"""Searches among messages."""

from fastapi import APIRouter

from letta.http.dependencies import ActorDep, DatabaseDep
from letta.messages.search_schemas import FoundMessageItem, MessageSearchResult, SearchAllMessages, SearchMessages
from letta.messages.search_service import as_item, as_result, search_everywhere

router = APIRouter(prefix="/v1", tags=["messages"])


@router.post("/messages/search", response_model=list[FoundMessageItem])
async def search_all_messages(
    actor: ActorDep, database: DatabaseDep, body: SearchAllMessages
) -> list[FoundMessageItem]:
    """Search messages: of all agents, of one agent, or of one conversation."""
    return [as_item(found) for found in await database.read(search_everywhere, actor, body)]


@router.post("/agents/messages/search", response_model=list[MessageSearchResult])
async def search_messages(actor: ActorDep, database: DatabaseDep, body: SearchMessages) -> list[MessageSearchResult]:
    """Search messages, also by role. The response shows messages as they are stored, with scores."""
    return [as_result(found) for found in await database.read(search_everywhere, actor, body)]
