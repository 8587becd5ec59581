"""One attempt to tell somebody something at an address that a user gave."""

from dataclasses import dataclass
from typing import Any

from letta.errors import LettaError
from letta.outgoing import egress
from letta.outgoing.egress import EgressError

_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it.

    Attributes:
        status: of the answer, if there was one.
        unanswered: why there was none.
        allowed: whether the address may be asked at all.
    """

    status: int | None
    unanswered: str | None = None
    allowed: bool = True

    @property
    def problem(self) -> str | None:
        """Why it wasn't received; None if it was. Who leads on to another address has not received it."""
        if self.status is not None and 200 <= self.status < 300:
            return None
        return self.unanswered or f"The URL returned status {self.status}."


async def post(
    url: str, *, json: Any = None, content: bytes | None = None, headers: dict[str, str] | None = None
) -> Attempt:
    """Post something, follow no redirects, and wait a little for the status of the answer. What else it says is left."""  # noqa: E501
    try:
        answer = await egress.request(
            "POST", url, json=json, content=content, headers=headers, seconds=_SECONDS, max_bytes=None
        )
    except EgressError as error:
        return Attempt(None, error.detail)
    except LettaError as error:
        return Attempt(None, error.detail, allowed=False)
    return Attempt(answer.status)
