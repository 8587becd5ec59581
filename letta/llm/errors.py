"""What can go wrong at a model's provider, as the V1 API reports it."""

from typing import Any

from letta.errors import LettaError
from letta.redaction import redacted

_OVERFLOW = (
    "context_length_exceeded",
    "maximum context length",
    "context window",
    "context limit",
    "available context size",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "request_too_large",
    "exceeds the maximum number of tokens",
)
_OUT_OF_CREDIT = (
    "insufficient_quota",
    "insufficient credit",
    "insufficient balance",
    "credit balance is too low",
    "billing_error",
)


_LONGEST = 2000
"""Characters of an error that are worth passing on."""


class LlmError(LettaError):
    """A model call failed. ``type`` is the ``error_type`` of the API; ``stop_reason`` is what the run ends with."""

    status = 500
    type = "llm_error"
    message = "The language model's provider could not serve the request."
    stop_reason = "llm_api_error"

    def __init__(self, detail: str) -> None:
        # Providers repeat what they were sent, keys among it; and some answer with whole pages.
        detail = redacted(detail)
        super().__init__(detail if len(detail) <= _LONGEST else f"{detail[:_LONGEST]}…")

    def body(self) -> dict[str, Any]:
        """The JSON body of a blocking answer."""
        return {"error": {"type": self.type, "message": self.message, "detail": self.detail}}


class LlmRateLimitError(LlmError):
    """The provider asks to slow down."""

    status = 429
    type = "llm_rate_limit"
    message = "The language model's provider limits the rate of requests. Wait a little, then try again."


class LlmAuthenticationError(LlmError):
    """The provider refuses our key."""

    status = 401
    type = "llm_authentication"
    message = "The language model's provider refused the API key. Check the provider's key."


class LlmInsufficientCreditsError(LlmError):
    """The provider wants money."""

    status = 402
    type = "llm_insufficient_credits"
    message = "The account at the language model's provider is out of credit."
    stop_reason = "insufficient_credits"


class LlmBadRequestError(LlmError):
    """The provider finds our request malformed."""

    status = 400
    type = "llm_bad_request"
    message = "The language model's provider rejected the request as invalid."


class LlmTimeoutError(LlmError):
    """The provider did not answer in time."""

    status = 504
    type = "llm_timeout"
    message = "The language model's provider did not answer in time."


class LlmConnectionError(LlmError):
    """The provider can't be reached, or hung up."""

    status = 502
    message = "The language model's provider can't be reached."


class LlmEmptyResponseError(LlmError):
    """The provider answered with something that isn't an answer."""

    type = "llm_empty_response"
    message = "The language model's provider sent an answer that can't be read."
    stop_reason = "invalid_llm_response"


class ContextOverflowError(LlmError):
    """The request is larger than the model's context window. ``detail`` begins with a code for programs."""

    status = 400
    type = "internal_error"
    message = "The conversation no longer fits the model's context window."
    stop_reason = "error"
    code = "CONTEXT_WINDOW_EXCEEDED"

    def __init__(self, detail: str) -> None:
        super().__init__(detail if detail.startswith(self.code) else f"{self.code}: {detail}")

    def body(self) -> dict[str, Any]:
        """The JSON body of a blocking answer."""
        return {"detail": self.detail}


class SystemPromptOverflowError(ContextOverflowError):
    """The system message alone is larger than the model's context window: no compaction could help."""

    type = "context_window_overflow_in_system_prompt"
    message = "The system message alone is too large for the model's context window."
    stop_reason = "context_window_overflow_in_system_prompt"


_BY_STATUS: dict[int, type[LlmError]] = {
    400: LlmBadRequestError,
    401: LlmAuthenticationError,
    402: LlmInsufficientCreditsError,
    429: LlmRateLimitError,
    504: LlmTimeoutError,
}


def error_for_status(status: int, text: str, code: str | None = None) -> LlmError:
    """The error for a provider's refusal. ``code`` is the provider's own word for it, where it has one."""
    detail = f"The provider returned status {status}: {text}"
    marks = f"{code or ''} {text}".lower()
    if any(mark in marks for mark in _OUT_OF_CREDIT):
        return LlmInsufficientCreditsError(detail)
    if status in {400, 413, 422} and any(mark in marks for mark in _OVERFLOW):
        return ContextOverflowError(detail)
    return _BY_STATUS.get(status, LlmError)(detail)


def connection_error(cause: object) -> LlmError:
    """The error for a provider that can't be reached, or whose answer was refused while it was read."""
    if isinstance(cause, LlmError):
        return cause
    shown = f": {str(cause).rstrip('.')}" if cause else ""
    return LlmConnectionError(f"The provider can't be reached{shown}. Check its base URL and that it is running.")


def broken_off(cause: Exception) -> LlmConnectionError:
    """The error for a connection that ended in the middle of an answer."""
    return LlmConnectionError(f"The connection to the provider was lost ({type(cause).__name__}). Try again.")


def timed_out(*, streamed: bool) -> LlmTimeoutError:
    """The error for a provider that takes longer than it may."""
    remedy = (
        "Raise LETTA_LLM_STREAM_TIMEOUT_SECONDS."
        if streamed
        else "Use streaming, or raise LETTA_LLM_REQUEST_TIMEOUT_SECONDS."
    )
    return LlmTimeoutError(f"The provider did not answer in time. {remedy}")


def no_json() -> LlmEmptyResponseError:
    """The error for an answer that isn't JSON."""
    return LlmEmptyResponseError("The provider sent something that is not JSON. Check its base URL.")


def too_large(limit: int) -> LlmEmptyResponseError:
    """The error for an answer, or a piece of one, that is larger than any honest one."""
    return LlmEmptyResponseError(f"The provider sent more than {limit // 1024**2} MB at once. Check its base URL.")


def malformed(problem: str) -> LlmEmptyResponseError:
    """The error for an answer that is JSON, but not of the form that the provider documents."""
    return LlmEmptyResponseError(f"The provider's answer has an unexpected form ({problem}). Try again.")
