"""Parameters that many operations share: ids in paths, the cursor of a list."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query

from letta.database.ids import example_id, id_pattern
from letta.database.pagination import Order, Page

MAX_PAGE = 1000


def _id(prefix: str) -> object:
    return Path(pattern=id_pattern(prefix), examples=[example_id(prefix)], description=f"Id of the {prefix}.")


AgentId = Annotated[str, _id("agent")]
BlockId = Annotated[str, _id("block")]
MessageId = Annotated[str, _id("message")]
RunId = Annotated[str, _id("run")]
StepId = Annotated[str, _id("step")]
ToolId = Annotated[str, _id("tool")]
ArchiveId = Annotated[str, _id("archive")]
PassageId = Annotated[str, _id("passage")]
WebhookId = Annotated[str, _id("webhook")]
McpServerId = Annotated[str, _id("mcp_server")]
FolderId = Annotated[str, _id("source")]
JobId = Annotated[str, _id("job")]
BatchId = JobId
ProviderId = Annotated[str, _id("provider")]
GroupId = Annotated[str, _id("group")]
IdentityId = Annotated[str, _id("identity")]
FileId = Annotated[str, _id("file")]

ConversationRef = Annotated[
    str,
    Path(
        pattern=f"{id_pattern('conv')}|{id_pattern('agent')}|^default$",
        examples=[example_id("conv")],
        description="Id of the conversation; `default` for an agent's default conversation.",
    ),
]
ConversationAgent = Annotated[str | None, Query(description="The agent, if the conversation is `default`.")]

Limit = Annotated[int | None, Query(ge=0, le=MAX_PAGE, description="Most items to return.")]
Before = Annotated[str | None, Query(description="Id of an item: return only items before it in the order.")]
After = Annotated[str | None, Query(description="Id of an item: return only items after it in the order.")]
OrderBy = Annotated[Literal["created_at"], Query(description="Field to sort by.")]


def page_reader(*, limit: int = 50, order: Order = "desc") -> Callable[..., Awaitable[Page]]:
    """The dependency that reads a list's cursor, with the list's own defaults."""

    async def read(
        before: Before = None,
        after: After = None,
        limit: Limit = limit,
        order: Annotated[Order, Query(description="Sort order by creation time.")] = order,
        order_by: OrderBy = "created_at",  # noqa: ARG001 - part of the contract, with one allowed value
    ) -> Page:
        return Page(limit=limit, before=before, after=after, order=order)

    return read


def page_parameters(*, limit: int = 50, order: Order = "desc") -> Any:
    """The same as a dependency, for ``Annotated[Page, page_parameters()]``."""
    return Depends(page_reader(limit=limit, order=order))


IncludeCost = Annotated[bool, Query(description="Include the cost of each step as `cost_usd`, if known.")]
"""Whether a list of steps tells their prices."""
