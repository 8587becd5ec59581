"""Searching the web through Exa (https://docs.exa.ai/reference/search)."""

import json
from typing import Any

import httpx2

from letta.memory_tools.errors import ToolError
from letta.settings import settings

_SECONDS = 30.0
_MOST_RESULTS = 50
_SHOWN = ("title", "url", "publishedDate", "author", "text", "highlights")


async def web_search(
    query: str,
    *,
    key: str | None,
    num_results: int = 10,
    include_text: bool = False,
    **filters: Any,
) -> str:
    """Results as the JSON text of a tool return.

    Args:
        key: Exa's; the agent's secret EXA_API_KEY, or the server's.
        filters: the tool's other arguments, which Exa knows by the same names in camel case.

    Raises:
        ToolError: there is no key, or Exa fails.
    """
    if not key:
        raise ToolError("Web search is not configured. Set EXA_API_KEY on the server or as a secret of the agent.")
    body = {
        "query": query,
        "numResults": max(1, min(num_results, _MOST_RESULTS)),
        "contents": {"text": True} if include_text else {"highlights": True},
        **{_camel(name): value for name, value in filters.items()},
    }
    try:
        async with httpx2.AsyncClient(timeout=_SECONDS) as client:
            answer = await client.post(f"{settings.exa_base_url}/search", json=body, headers={"x-api-key": key})
    except httpx2.HTTPError as error:
        raise ToolError(f"The search service can't be reached ({type(error).__name__}). Try again.") from error
    if answer.status_code != httpx2.codes.OK:
        raise ToolError(f"The search service returned status {answer.status_code}.")
    try:
        listed = answer.json()["results"]
        results = [{name: found[name] for name in _SHOWN if found.get(name)} for found in listed]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ToolError("The search service sent an unexpected answer. Try again.") from error
    return json.dumps({"query": query, "results": results}, ensure_ascii=False)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
