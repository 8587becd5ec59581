"""Whether the process lives, and whether it can serve."""

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from letta import __version__
from letta.errors import UnavailableError
from letta.http.dependencies import DatabaseDep
from letta.server.key_guard import KeyReplacedError, check_key

router = APIRouter(prefix="/v1", tags=["health"])

_READY_SECONDS = 2.0


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the process is alive. The database is not checked, so that its outage doesn't cause restarts."""
    return {"version": __version__, "status": "ok"}


@router.get("/ready", response_model=None)
async def ready(database: DatabaseDep) -> JSONResponse:
    """Whether requests can be served: the database responds within two seconds, and its secrets can be decrypted."""
    body: dict[str, Any] = {"version": __version__, "status": "ok"}
    try:
        await asyncio.wait_for(database.read(check_key), _READY_SECONDS)
    except KeyReplacedError as error:
        return _unavailable(body | {"detail": error.detail})
    except (UnavailableError, TimeoutError):
        return _unavailable(body)
    return JSONResponse(body)


def _unavailable(body: dict[str, Any]) -> JSONResponse:
    return JSONResponse(body | {"status": "unavailable"}, status_code=503, headers={"Retry-After": "5"})
