"""What the turn of a response was given, as items in OpenAI's form."""

from collections.abc import Iterator

from sqlalchemy import Connection

from letta.json_types import JsonObject
from letta.llm.responses_items import input_part
from letta.messages.message import Message
from letta.messages.repository import inputs_of_run
from letta.organizations.actor import Actor
from letta.runs.run_repository import retrieve_run


def input_items(connection: Connection, actor: Actor, response_id: str) -> list[JsonObject]:
    """The items, in the order in which they were said.

    Raises:
        NotFoundError: there is no such run.
    """
    retrieve_run(connection, actor, response_id)
    return [item for message in inputs_of_run(connection, response_id) for item in _items(message)]


def page_of(items: list[JsonObject], after: str | None, limit: int) -> JsonObject:
    """Some of the items, as a page of OpenAI. An unknown cursor is ignored."""
    ids = [item["id"] for item in items]
    start = ids.index(after) + 1 if after in ids else 0
    page = items[start : start + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(items),
    }


def _items(message: Message) -> Iterator[JsonObject]:
    for given in message.approvals or ():
        if given["type"] == "tool":
            output = {"call_id": given["tool_call_id"], "output": given["tool_return"]}
            item_id = f"fco_{given['tool_call_id']}"
            yield {"id": item_id, "type": "function_call_output", "status": "completed", **output}
    if message.role == "user":
        parts = [input_part(part) for part in message.content if part["type"] in {"text", "image"}]
        yield {"id": message.id, "type": "message", "role": "user", "status": "completed", "content": parts}
