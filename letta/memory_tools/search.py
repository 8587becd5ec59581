"""The tool that looks through past messages."""

import json

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.json_types import JsonObject
from letta.memory_tools.dates import local, moment, time_ago
from letta.memory_tools.errors import ToolError
from letta.messages.message import Message
from letta.messages.search import find_messages, said
from letta.organizations.actor import Actor
from letta.search.request import MessageSearch

_ROLES = ("assistant", "user", "tool")
_STORED_ROLES = {"assistant": ("assistant", "approval"), "user": ("user",), "tool": ("tool",)}
_MOST = 100


def conversation_search(
    connection: Connection,
    actor: Actor,
    agent: Agent,
    current_run_id: str | None,
    query: str | None = None,
    roles: list[str] | None = None,
    limit: int = 5,
    start_date: str | None = None,
    end_date: str | None = None,
) -> str:
    """What was said in the agent's conversations that fits the query best, as the JSON text of a tool return.

    Without a query, the newest. What is being said in the current run comes last.
    """
    unknown = set(roles or ()) - set(_ROLES)
    if unknown:
        raise ToolError(f"Unknown roles {sorted(unknown)}. Roles: {', '.join(_ROLES)}.")
    search = MessageSearch(
        text=query,
        limit=max(1, min(limit, _MOST)),
        roles=[stored for role in roles or _ROLES for stored in _STORED_ROLES[role]],
        agent_id=agent.id,
        start=moment(start_date, agent.timezone),
        end=moment(end_date, agent.timezone, end=True),
        current_run_id=current_run_id,
    )
    found = find_messages(connection, actor, search)
    if not found:
        return json.dumps({"message": "No results found.", "results": []})
    results = [_result(result.message, agent.timezone) for result in found]
    return json.dumps({"message": f"Showing {len(results)} results:", "results": results}, ensure_ascii=False)


def _result(message: Message, timezone: str) -> JsonObject:
    return {
        "timestamp": local(message.created_at, timezone),
        "time_ago": time_ago(message.created_at),
        "role": "assistant" if message.role == "approval" else message.role,
        "relevance": {"search_mode": "text"},
        "content": said(message),
    }
