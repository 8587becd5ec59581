"""What nobody foresaw."""

import logging

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.http.answering import answer, on_start

logger = logging.getLogger(__name__)


class UnknownErrors:
    """Answers and logs what nobody foresaw. Within what gives every answer its id, unlike the framework's handler."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        def note(_start: Message) -> None:
            nonlocal started
            started = True

        try:
            await self._app(scope, receive, on_start(send, note))
        except HTTPException:
            raise
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await answer(send, 500, {"detail": "An unknown error occurred"})
