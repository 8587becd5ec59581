"""Clients of OpenAI's SDK, for OpenAI itself and all that is compatible with it, and what their errors mean."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import openai
from openai import AsyncAzureOpenAI, AsyncOpenAI, AsyncStream, DefaultAsyncHttpxClient
from pydantic_core import to_json

from letta.json_types import JsonObject
from letta.llm import errors
from letta.llm.bounded import http_options
from letta.llm.clients import CONNECT_SECONDS, ClientCache
from letta.llm.deadline import Deadline
from letta.llm.errors import LlmEmptyResponseError, LlmError
from letta.llm.provider import Provider
from letta.settings import settings

_NO_KEY = "none"


def _make(provider: Provider) -> AsyncOpenAI:
    key = provider.api_key.get_secret_value() if provider.api_key else _NO_KEY
    retries = settings.llm_max_retries
    http = DefaultAsyncHttpxClient(**http_options(provider))
    if provider.api_version:
        return AsyncAzureOpenAI(
            azure_endpoint=provider.base_url,
            api_key=key,
            api_version=provider.api_version,
            max_retries=retries,
            http_client=http,
        )
    return AsyncOpenAI(api_key=key, base_url=provider.api_url, max_retries=retries, http_client=http)


_clients = ClientCache(_make)


def client_of(provider: Provider) -> AsyncOpenAI:
    """The client for a provider; kept, as opening connections is what costs."""
    return _clients.of(provider)


def request_options(*, streamed: bool) -> Any:
    """Options of a raw request: how long a silence may last."""
    seconds = settings.llm_stream_timeout_seconds if streamed else settings.llm_request_timeout_seconds
    return {"timeout": httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))}


def _payload(body: JsonObject, provider: Provider) -> Any:
    """A body as an argument of a raw request: in JSON already, which the SDK would take five times as long for."""
    if provider.api_version:
        return {"body": body}  # Azure's client reads the deployment's name from it
    return {"content": to_json(body)}


async def sent(path: str, body: JsonObject, provider: Provider, *, stream: bool) -> AsyncGenerator[JsonObject]:
    """Send a raw request. Yields the answer; or its pieces as they come, if it is streamed.

    Raises what `to_llm_error` translates (`FAILURES`), and LlmError for what isn't an answer.
    """
    client, options, content = client_of(provider), request_options(streamed=stream), _payload(body, provider)
    if not stream:
        yield as_object(await client.post(path, **content, cast_to=object, options=options))
        return
    deadline = Deadline()
    pieces = await client.post(
        path, **content, cast_to=object, stream=True, stream_cls=AsyncStream[object], options=options
    )
    async with pieces:
        async for piece in pieces:
            deadline.check()
            yield as_object(piece)


def as_object(value: object) -> JsonObject:
    """An answer, or a piece of one, as the JSON object that it has to be.

    Raises:
        LlmError: it is something else, or the report of an error.
    """
    if not isinstance(value, dict):
        raise LlmEmptyResponseError(
            "The provider's answer is not a JSON object. Check that the base URL is that of a chat API."
        )
    if value.get("error"):
        raise LlmError(f"The provider reported an error: {error_text(value['error'])}")
    return value


def error_text(error: Any) -> str:
    """What an error in an answer says."""
    return str(error.get("message") or error) if isinstance(error, dict) else str(error)


def to_llm_error(error: Exception, *, streamed: bool) -> LlmError:
    """The API's error for an error of the SDK, its HTTP library, or the decoding of JSON."""
    if isinstance(error, openai.APITimeoutError):
        return errors.timed_out(streamed=streamed)
    if isinstance(error, openai.APIStatusError):
        code = error.body.get("code") if isinstance(error.body, dict) else None
        text = error_text(error.body) if error.body else error.message
        return errors.error_for_status(error.status_code, text, code if isinstance(code, str) else None)
    if isinstance(error, openai.APIConnectionError):
        return errors.connection_error(error.__cause__)
    if isinstance(error, httpx2.HTTPError):
        return errors.broken_off(error)
    if isinstance(error, openai.OpenAIError):
        return _reported(error)
    return errors.no_json()


def _reported(error: openai.OpenAIError) -> LlmError:
    """An error that came as a piece of a stream, which has no status of its own."""
    code = getattr(error, "code", None)
    found = errors.error_for_status(400, str(error), code if isinstance(code, str) else None)
    if isinstance(found, errors.LlmBadRequestError):
        return LlmError(f"The provider reported an error: {error}")
    return found


FAILURES = (openai.OpenAIError, httpx2.HTTPError, ValueError)
"""What a call may raise; `to_llm_error` translates it."""
