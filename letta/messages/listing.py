"""Lists of messages, as the API orders and cuts them."""

from collections.abc import Sequence

from sqlalchemy import Connection

from letta.agents.repository import types_of_agents
from letta.database.pagination import Page
from letta.json_types import JsonObject
from letta.messages import repository
from letta.messages.message import Message
from letta.messages.repository import MessageFilter
from letta.messages.wire import PLAIN, Presentation, for_agent, to_wire
from letta.organizations.actor import Actor


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
    connection: Connection, actor: Actor, condition: MessageFilter, page: Page, presentation: Presentation = PLAIN
) -> list[JsonObject]:
    """The organization's messages on the wire, in the requested order."""
    return _shown(connection, repository.list_messages(connection, actor, condition, page), presentation)


def retrieve_message(connection: Connection, actor: Actor, message_id: str) -> list[JsonObject]:
    """All messages of the API that one stored message stands for.

    Raises:
        NotFoundError: there is no such message.
    """
    return _shown(connection, [repository.get_message(connection, actor, message_id)], PLAIN)


def _shown(connection: Connection, found: Sequence[Message], presentation: Presentation) -> list[JsonObject]:
    """Messages of any agents, each as its agent's own list shows it."""
    types = types_of_agents(connection, {message.agent_id for message in found})
    shown = {agent_id: for_agent(presentation, agent_type) for agent_id, agent_type in types.items()}
    return [wire for message in found for wire in to_wire([message], shown[message.agent_id])]
