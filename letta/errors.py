"""Every error a caller can meet, with the HTTP status that it maps to.

``detail`` is a sentence that names the field or setting at fault and ends with the remedy. It is sent as it is, so it
never contains a secret.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

UNKNOWN = "An unknown error occurred. See the server log."
"""What those are told who can do nothing about it."""


class LettaError(Exception):
    """Base of all errors that are answered to a client on purpose.

    Attributes:
        type, message: how the API's error messages tell of a turn that ended with it.
        stop_reason: that of such a turn.
        kinds: those that are told by a type of their own, by code and type.
    """

    kinds: ClassVar[dict[tuple[str | None, str], "type[LettaError]"]] = {}
    status = 500
    code: str | None = None
    type = "internal_error"
    message = "The turn could not be finished."
    stop_reason = "error"

    def __init_subclass__(cls) -> None:
        if "type" in cls.__dict__:
            LettaError.kinds.setdefault((cls.code, cls.type), cls)

    def __init__(
        self,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        prefix = f"{self.code}: " if self.code else ""
        return {"detail": prefix + self.detail, **self.extra}


class ConfigurationError(LettaError):
    """The server can't start, or can't serve this request, as it is configured."""


class InvalidArgumentError(LettaError):
    """A value is well-formed but can't be accepted."""

    status = 400
    code = "INVALID_ARGUMENT"


class AuthenticationError(LettaError):
    """No credential, or a wrong one."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class ForbiddenError(LettaError):
    """The credential doesn't open what is asked for."""

    status = 403


class NotFoundError(LettaError):
    """No such thing within the caller's organization."""

    status = 404
    code = "NOT_FOUND"


def no_such(kind: str, thing_id: str, listed_at: str | None = None) -> NotFoundError:
    """The error for an id that no such thing of the caller's organization has, with where to list those that exist."""
    hint = f" GET {listed_at} lists them." if listed_at else ""
    return NotFoundError(f"There is no {kind} {thing_id}.{hint}")


class ConflictError(LettaError):
    """The request contradicts what is stored or what is going on."""

    status = 409
    code = "CONFLICT"


class BusyError(ConflictError):
    """Another run holds the conversation.

    Answers name the run and say after how many seconds to try again.
    """

    def __init__(self, run_id: str | None, retry_after_seconds: int) -> None:
        super().__init__(
            "The conversation is busy with another run. Wait for it to finish, cancel it, or try again later.",
            headers={"Retry-After": str(max(1, retry_after_seconds))},
            extra={"run_id": run_id},
        )


class PendingApprovalError(ConflictError):
    """The agent waits for a decision about tool calls, and can't take a new message before it has one.

    Answers name the request and the calls that it is about.
    """

    def __init__(self, request_id: str, tool_call_ids: list[str]) -> None:
        super().__init__(
            "Cannot send a new message: The agent is waiting for approval on a tool call. "
            "Please approve or deny the pending request before continuing."
        )
        self.request_id = request_id
        self.tool_call_ids = tool_call_ids

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        detail = {
            "code": "PENDING_APPROVAL",
            "message": f"{self.code}: {self.detail}",
            "pending_request_id": self.request_id,
            "tool_call_ids": self.tool_call_ids,
        }
        return {"detail": detail}


class ApprovalError(LettaError):
    """An answer to a request for approval that doesn't fit what is pending."""

    status = 400


class GoneError(LettaError):
    """What is asked for was there, but is kept no longer."""

    status = 410


class PayloadTooLargeError(LettaError):
    """The request's body is larger than the server accepts."""

    status = 413


class UnsupportedMediaTypeError(LettaError):
    """What was uploaded is of a type that can't be read."""

    status = 415


class UnprocessableError(LettaError):
    """A field is missing or malformed in a way that the schema alone doesn't catch."""

    status = 422


class NotOfferedError(LettaError):
    """An operation of the V1 API that has no meaning on this server."""

    status = 501


class UnavailableError(LettaError):
    """The database or the server itself can't serve now; the same request may work later."""

    status = 503

    def __init__(self, detail: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})
