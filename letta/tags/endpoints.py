"""Operations on the tags of agents."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from letta.database.pagination import Order
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import Limit
from letta.tags import repository
from letta.tags.repository import TagFilter

router = APIRouter(prefix="/v1/tags", tags=["tags"])


@router.get("", response_model=list[str])
async def list_tags(
    *,
    actor: ActorDep,
    database: DatabaseDep,
    before: Annotated[str | None, Query(description="A tag: return only tags before it in the order.")] = None,
    after: Annotated[str | None, Query(description="A tag: return only tags after it in the order.")] = None,
    limit: Limit = 50,
    order: Order = "asc",
    order_by: Literal["name"] = "name",  # noqa: ARG001 - part of the contract, with one allowed value
    name: Annotated[str | None, Query(description="The exact tag.")] = None,
    query_text: Annotated[
        str | None, Query(description="Part of the tag; upper and lower case are treated alike.")
    ] = None,
) -> list[str]:
    """The tags that agents have, in alphabetical order."""
    condition = TagFilter(name=name, query_text=query_text, after=after, before=before, limit=limit, order=order)
    return await database.read(repository.list_tags, actor, condition)
