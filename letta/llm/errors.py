"""What can go wrong at a model's provider, as the V1 API reports it."""

from typing import Any

from letta.errors import LettaError


class LlmError(LettaError):
    """A model call failed. ``type`` is the ``error_type`` of the API; ``stop_reason`` is what the run ends with."""

    status = 500
    type = "llm_error"
    message = "The language model's provider could not serve the request."
    stop_reason = "llm_api_error"

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
    """The request is larger than the model's context window."""

    status = 400
    type = "context_window_exceeded"
    message = "The conversation no longer fits the model's context window."
