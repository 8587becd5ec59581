"""Lists of messages, as the API orders and cuts them."""

from typing import Any

from sqlalchemy import Connection

from letta.database.pagination import Page
from letta.messages import repository
from letta.messages.repository import MessageFilter
from letta.messages.wire import Presentation, to_wire
from letta.organizations.actor import Actor
from letta.runs.presentation import for_agent

JsonObject = dict[str, Any]


def list_messages_of_agent(
    connection: Connection,
    actor: Actor,
    agent_id: str,
    condition: MessageFilter,
    page: Page,
    presentation: Presentation,
) -> list[JsonObject]:
    """An agent's messages on the wire: ``order`` selects the newest or oldest, the list itself runs forward in time.

    Raises:
        NotFoundError: there is no such agent, or the cursor is no message of the organization.
    """
    agent_type = repository.agent_type(connection, actor, agent_id)
    found = repository.list_messages(connection, actor, condition, page, agent_id=agent_id)
    if page.order == "desc":
        found.reverse()
    return to_wire(found, for_agent(presentation, agent_type))


def list_messages(
    connection: Connection, actor: Actor, condition: MessageFilter, page: Page, presentation: Presentation
) -> list[JsonObject]:
    """The organization's messages on the wire, in the requested order."""
    return to_wire(repository.list_messages(connection, actor, condition, page), presentation)
