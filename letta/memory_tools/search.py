"""The tool that looks through past messages."""

import json
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.memory_tools.errors import ToolError
from letta.messages.message import Message
from letta.messages.repository import MessageSearch, search_messages

JsonObject = dict[str, Any]

_ROLES = ("assistant", "user", "tool")
_MOST = 100


def conversation_search(
    connection: Connection,
    agent: Agent,
    query: str | None = None,
    roles: list[str] | None = None,
    limit: int = 5,
    start_date: str | None = None,
    end_date: str | None = None,
) -> str:
    """Messages of the agent that contain the query, newest first, as the JSON text of a tool return."""
    unknown = set(roles or ()) - set(_ROLES)
    if unknown:
        raise ToolError(f"Unknown roles {sorted(unknown)}. Roles: {', '.join(_ROLES)}.")
    condition = MessageSearch(
        agent_id=agent.id,
        text=query or None,
        roles=tuple(roles or _ROLES),
        start=_moment(start_date, agent.timezone, end=False),
        end=_moment(end_date, agent.timezone, end=True),
        limit=max(1, min(limit, _MOST)),
    )
    found = search_messages(connection, condition)
    if not found:
        return json.dumps({"message": "No results found.", "results": []})
    results = [_result(message, agent.timezone) for message in found]
    return json.dumps({"message": f"Showing {len(results)} results:", "results": results}, ensure_ascii=False)


def _result(message: Message, timezone: str) -> JsonObject:
    return {
        "timestamp": message.created_at.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds"),
        "time_ago": _time_ago(message.created_at),
        "role": message.role,
        "relevance": {"search_mode": "text"},
        "content": message.text,
    }


def _time_ago(moment: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def _moment(text: str | None, timezone: str, *, end: bool) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ToolError(f"'{text}' is no date. Write it as 2025-01-31 or 2025-01-31T14:30.") from error
    if end and len(text) == len("2025-01-31"):
        moment = datetime.combine(moment.date(), time.max)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))
