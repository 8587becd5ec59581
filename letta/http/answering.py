"""Answering before a request reaches its operation, and looking at the answers of what comes after.

What stands around the operations is plain ASGI, since wrapped responses cost a task each.
"""

import json
from collections.abc import Callable, Mapping

from starlette.types import Message, Send


def on_start(send: Send, look: Callable[[Message], None]) -> Send:
    """A way to send an answer on which somebody looks at its beginning, and may change it."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            look(message)
        await send(message)

    return send_on


async def answer(send: Send, status: int, body: dict[str, str], further: Mapping[str, str] | None = None) -> None:
    """Answer in place of the application, with further headers if there are any."""
    payload = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in (further or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})
