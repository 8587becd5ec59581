"""Why turns fail: as clients are told it, and as their runs keep it."""

from letta.errors import LettaError, UnavailableError
from letta.json_types import JsonObject

_RETRY_SECONDS = 2


class TurnInterruptedError(UnavailableError):
    """A process couldn't carry the turn on."""

    type = "stream_incomplete"
    message = "The turn was interrupted."

    def __init__(self, detail: str, *, send_again: bool = False) -> None:
        """``send_again``: whether a client that waits for JSON is told to, as nothing is known of the run's end yet."""
        super().__init__(detail, retry_after_seconds=_RETRY_SECONDS)
        self._remedy = " Send the request again." if send_again else ""

    def body(self) -> JsonObject:
        """The JSON body of the answer."""
        return {"detail": self.detail + self._remedy}


class TurnDisplacedError(LettaError):
    """The turn's agent, or its conversation, was deleted meanwhile."""

    status = 404
    type = "stream_task_cancelled"
    message = "The turn ended because its agent was deleted."
    stop_reason = "cancelled"

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"Agent {agent_id}, or its conversation, was deleted while this turn was under way.")


def error_message(
    run_id: str, detail: str, *, message: str = LettaError.message, error_type: str = LettaError.type
) -> JsonObject:
    """The error message of the API, as streams send it and runs keep it."""
    return {
        "message_type": "error_message",
        "run_id": run_id,
        "error_type": error_type,
        "message": message,
        "detail": detail,
        "seq_id": None,
    }


def message_of(run_id: str, error: LettaError) -> JsonObject:
    """The error message that tells of an error."""
    return error_message(run_id, error.detail, message=error.message, error_type=error.type)


def restored(stored: JsonObject, stop_reason: str | None) -> LettaError:
    """The error that a run ended with, from the error message that was kept of it."""
    message = stored.get("message") or "The run failed."
    detail = stored.get("detail") or message
    error_type = stored.get("error_type") or LettaError.type
    code = detail.partition(":")[0]
    kind = LettaError.kinds.get((code, error_type)) or LettaError.kinds.get((None, error_type)) or LettaError
    error = kind(detail)
    error.type, error.message, error.stop_reason = error_type, message, stop_reason or LettaError.stop_reason
    return error
