"""Errors as OpenAI's API tells them: on the paths that its clients use, every refusal has this form."""

import json
import re
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.errors import LettaError
from letta.json_types import JsonObject

PREFIX = "/openai/"
"""Below it, there is nothing but OpenAI's API."""
_SHARED = re.compile(r"/(?:v1|latest)/(?:chat/completions|responses)(?:/|$)")
"""Its operations among our own, whose errors tell clients of both what they know."""
_UNAUTHORIZED = (
    "Incorrect API key provided. Use the server's password, or a key created with POST /v1/api-keys, as the API key."
)
_CODES = {401: "invalid_api_key", 409: "conversation_locked", 429: "rate_limit_exceeded"}
_FIELD = re.compile(r"(?:body|query|path|header)\.([^:\s]+):")


class OpenAIError(LettaError):
    """A refusal that names the parameter at fault, and has a code that OpenAI's clients know."""

    def __init__(self, detail: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(detail)
        self.status = status
        self.param = param
        self.error_code = code

    def body(self) -> JsonObject:
        """The JSON body of the answer."""
        return {"error": error(self.status, self.detail, param=self.param, code=self.error_code), "detail": self.detail}


def error(status: int, message: str, *, param: str | None = None, code: str | None = None) -> JsonObject:
    """The error object for an answer of this status."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return {"message": message, "type": kind, "param": param, "code": code or _CODES.get(status)}


def in_openai_form(status: int, body: Any) -> JsonObject:
    """The error object for a refusal in whatever form it was made."""
    given = body if isinstance(body, dict) else {}
    error_given = given.get("error")
    told: JsonObject = error_given if isinstance(error_given, dict) else {}
    if {"message", "type", "param", "code"} <= told.keys():
        return dict(told)
    detail = given.get("detail")
    code = detail.get("code") if isinstance(detail, dict) else told.get("type")
    message = detail.get("message") if isinstance(detail, dict) else detail
    message = str(told.get("detail") or told.get("message") or message or "The request failed.")
    if status == 401 and message == "Unauthorized":
        message = _UNAUTHORIZED
    field = _FIELD.search(message) if status == 422 else None
    return error(status, message, param=field[1] if field else None, code=code)


class ErrorsInOpenAIForm:
    """Puts the errors of everything behind it into OpenAI's form, on its paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(PREFIX):
            await self._app(scope, receive, _Rewriting(send, keep=False))
        elif _SHARED.match(path):
            await self._app(scope, receive, _Rewriting(send, keep=True))
        else:
            await self._app(scope, receive, send)


class _Rewriting:
    """Sends an answer on; that of an error when all of it is there."""

    def __init__(self, send: Send, *, keep: bool) -> None:
        self._send = send
        self._keep = keep
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        try:
            body = json.loads(bytes(self._body))
        except ValueError:
            body = {"detail": bytes(self._body).decode(errors="replace")}
        rewritten = {"error": in_openai_form(start["status"], body)}
        if self._keep and isinstance(body, dict):
            rewritten = body | rewritten
        payload = json.dumps(rewritten).encode()
        headers = MutableHeaders(scope=start)
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(payload))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": payload})
