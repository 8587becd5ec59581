"""Clients of Google's Gemini API, through its REST interface, and what its errors mean.

Google's SDK offers no raw requests, and takes 35 MB of memory.
"""

from letta.json_types import JsonObject
from letta.llm.clients import ClientCache
from letta.llm.errors import LlmEmptyResponseError, LlmError, error_for_status
from letta.llm.provider import Provider
from letta.llm.rest import RefusedError, RestClient

_INVALID_KEY = "API_KEY_INVALID"


def _make(provider: Provider) -> RestClient:
    key = provider.api_key.get_secret_value() if provider.api_key else ""
    return RestClient(provider, {"x-goog-api-key": key})


_clients = ClientCache(_make)


def client_of(provider: Provider) -> RestClient:
    """The client for a provider; kept, as opening connections is what costs."""
    return _clients.of(provider)


def as_object(value: object) -> JsonObject:
    """An answer, or a piece of one, as the JSON object that it has to be.

    Raises:
        LlmError: it is something else, or the report of an error.
    """
    if not isinstance(value, dict):
        raise LlmEmptyResponseError(
            "The provider's answer is not a JSON object. Check that GEMINI_BASE_URL, or the provider's base_url, is "
            "that of Google's API."
        )
    if "error" in value:
        raise _reported(value["error"].get("code") or 500, value["error"])
    return value


def to_llm_error(error: RefusedError) -> LlmError:
    """The API's error for an answer that is one."""
    reported = error.body.get("error") if isinstance(error.body, dict) else None
    if not isinstance(reported, dict):
        return error_for_status(error.status, error.text)
    return _reported(error.status, reported)


def _reported(status: int, error: JsonObject) -> LlmError:
    text = str(error.get("message") or error)
    reasons = {detail.get("reason") for detail in error.get("details") or () if isinstance(detail, dict)}
    # Google finds fault with the request where only the key is wrong.
    return error_for_status(401 if _INVALID_KEY in reasons else status, text, error.get("status"))
