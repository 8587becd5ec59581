"""Whether the process lives, and whether it can serve."""

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import Connection, text

from letta import __version__
from letta.errors import UnavailableError
from letta.http.dependencies import DatabaseDep

router = APIRouter(prefix="/v1", tags=["health"])

_READY_SECONDS = 2.0


@router.get("/health")
async def health() -> dict[str, str]:
    """The process lives. Says nothing of the database, so that an outage of it makes no host restart us."""
    return {"version": __version__, "status": "ok"}


@router.get("/ready", response_model=None)
async def ready(database: DatabaseDep) -> JSONResponse:
    """Whether requests can be served: the database answers within two seconds."""
    body: dict[str, Any] = {"version": __version__, "status": "ok"}
    try:
        await asyncio.wait_for(database.read(_probe), _READY_SECONDS)
    except (UnavailableError, TimeoutError):
        return JSONResponse(body | {"status": "unavailable"}, status_code=503, headers={"Retry-After": "5"})
    return JSONResponse(body)


def _probe(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
