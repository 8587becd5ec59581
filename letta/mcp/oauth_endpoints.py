"""Where browsers come back to from a sign-in to an MCP server. Open to everybody: who knows no state gets nowhere."""

import html
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from letta.errors import LettaError
from letta.http.dependencies import DatabaseDep
from letta.mcp import repository, signing_in, tools
from letta.mcp.sign_in import SignIn

router = APIRouter(tags=["tools"])

logger = logging.getLogger(__name__)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_PAGES: dict[int | str, dict[str, Any]] = {
    404: {"description": "This sign-in is unknown or has ended.", "content": {"text/html": {}}},
    502: {"description": "The sign-in failed.", "content": {"text/html": {}}},
    503: {"description": "The database can't be reached.", "content": {"text/html": {}}},
}

Given = Annotated[str | None, Query()]


@router.get(signing_in.CALLBACK_PATH, response_class=HTMLResponse, responses=_PAGES)
async def finish_sign_in(
    database: DatabaseDep,
    state: Annotated[str | None, Query(description="The state that the sign-in was started with.")] = None,
    code: Annotated[str | None, Query(description="The code that is exchanged for tokens.")] = None,
    iss: Annotated[str | None, Query(description="The issuer of the code.")] = None,
    error: Annotated[str | None, Query(description="Why there is no code.")] = None,
    error_description: Given = None,
) -> HTMLResponse:
    """Page to which the browser returns after a sign-in to an MCP server. It shows the result."""
    reason = f"{error}: {error_description}" if error and error_description else error
    try:
        finished = await signing_in.finish(database, state or "", code, iss, reason)
    except LettaError as failure:
        return _page("Not signed in", failure.detail, failure.status)
    await _take_over(database, finished)
    return _page("Signed in", f"{finished.server_name} can be used now. You may close this page.", 200)


async def _take_over(database: DatabaseDep, finished: SignIn) -> None:
    """Take over the tools of a server that is stored already, which it didn't tell before."""
    if finished.server_id is None:
        return
    actor = signing_in.owner_of(finished)
    try:
        server = await database.read(repository.get_server, actor, finished.server_id)
        await tools.refresh(database, actor, server)
    except LettaError as failure:
        logger.warning("The tools of MCP server %s could not be imported. %s", finished.server_id, failure.detail)


def _page(title: str, text: str, status: int) -> HTMLResponse:
    page = _PAGE.format(title=html.escape(title), text=html.escape(text))
    return HTMLResponse(page, status_code=status, headers=_HEADERS)
