"""Exceptions as answers, in the shapes of the V1 API."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, IntegrityError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from letta.database.ids import example_id
from letta.errors import LettaError
from letta.http.declared_size import TOO_LARGE

logger = logging.getLogger(__name__)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every exception that is foreseen; `letta.http.unknown_errors` has the others."""
    app.add_exception_handler(LettaError, _letta_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(IntegrityError, _integrity_error)
    app.add_exception_handler(DataError, _data_error)


async def _letta_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LettaError)  # noqa: S101 - registered for this class
    return JSONResponse(error.body(), status_code=error.status, headers=error.headers or None)


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    if error.status_code == 413:
        return JSONResponse({"detail": TOO_LARGE}, status_code=413)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=headers)


def _allowed(request: Request) -> set[str]:
    """The methods of all routes at the address; the framework tells those of the first."""
    found = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in found for method in getattr(route, "methods", None) or ()}


async def _validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    problems = error.errors()
    body: dict[str, Any] = {"trace_id": "", "detail": "; ".join(_sentence(problem) for problem in problems)}
    examples = [example for problem in problems for example in _examples(problem)]
    if examples:
        body["examples"] = examples
    return JSONResponse(body, status_code=422)


def _sentence(problem: dict[str, Any]) -> str:
    """Field, problem, and the kind of error for programs, such as ``body.label: Field required (missing)``."""
    kind = "string_pattern_mismatch" if _is_path_id(problem) else problem["type"]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']} ({kind})"


def _is_path_id(problem: dict[str, Any]) -> bool:
    return bool(problem["loc"]) and problem["loc"][0] == "path" and "pattern" in (problem.get("ctx") or {})


def _examples(problem: dict[str, Any]) -> list[str]:
    if not _is_path_id(problem):
        return []
    prefix = problem["ctx"]["pattern"].removeprefix("^").split("-[", 1)[0]
    return [example_id(prefix)]


async def _integrity_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, IntegrityError)  # noqa: S101 - registered for this class
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or "a constraint"
    detail = (
        f"The request conflicts with stored data ({constraint}): something with this name already exists, or something "
        "it refers to has been deleted. Check names and ids."
    )
    return JSONResponse({"detail": detail}, status_code=409)


async def _data_error(_request: Request, error: Exception) -> JSONResponse:
    logger.warning("the database refused a value: %s", type(getattr(error, "orig", error)).__name__)
    detail = "INVALID_ARGUMENT: The database can't store one of the values. Check for numbers that are out of range."
    return JSONResponse({"detail": detail}, status_code=400)
