"""JSON over HTTP for providers that we call without an SDK: repetitions, time-outs and event streams."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx2

from letta.llm import errors
from letta.llm.bounded import http_options
from letta.llm.clients import CONNECT_SECONDS
from letta.llm.provider import Provider
from letta.settings import settings

_TRANSIENT = {408, 429, 500, 502, 503, 504}
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_LONGEST_WANTED_PAUSE_SECONDS = 60.0


class RefusedError(Exception):
    """The provider answered with an error, after the usual repetitions."""

    def __init__(self, status: int, body: Any, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.body = body
        self.text = text


class RestClient:
    """Sends the requests for one provider."""

    def __init__(self, provider: Provider, headers: Mapping[str, str]) -> None:
        self._http = httpx2.AsyncClient(base_url=provider.base_url, headers=dict(headers), **http_options(provider))

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def post(self, path: str, body: object) -> Any:
        """The JSON value that a request is answered with.

        Raises:
            RefusedError, LlmError: it failed, after the usual repetitions.
        """
        response = await self._send(path, body, streamed=False)
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise errors.no_json() from error

    async def stream(self, path: str, body: object) -> AsyncGenerator[Any]:
        """The JSON values of the events that a request is answered with.

        Raises:
            RefusedError, LlmError: it failed, after the usual repetitions.
        """
        response = await self._send(path, body, streamed=True)
        try:
            async for line in response.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])
        except httpx2.TimeoutException as error:
            raise errors.timed_out(streamed=True) from error
        except httpx2.HTTPError as error:
            raise errors.broken_off(error) from error
        except ValueError as error:
            raise errors.no_json() from error
        finally:
            await response.aclose()

    async def _send(self, path: str, body: object, *, streamed: bool) -> httpx2.Response:
        for attempt in range(settings.llm_max_retries + 1):
            last = attempt == settings.llm_max_retries
            try:
                response = await self._send_once(path, body, streamed=streamed)
            except httpx2.TimeoutException as error:
                if last:
                    raise errors.timed_out(streamed=streamed) from error
            except httpx2.HTTPError as error:
                if last:
                    raise errors.connection_error(error) from error
            else:
                if response.is_success:
                    return response
                await response.aread()
                if last or response.status_code not in _TRANSIENT:
                    raise _refused(response)
                await asyncio.sleep(_wanted_pause(response) or _pause(attempt))
                continue
            await asyncio.sleep(_pause(attempt))
        raise AssertionError("unreachable")

    async def _send_once(self, path: str, body: object, *, streamed: bool) -> httpx2.Response:
        seconds = settings.llm_stream_timeout_seconds if streamed else settings.llm_request_timeout_seconds
        timeout = httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        request = self._http.build_request("POST", path, json=body, timeout=timeout)
        return await self._http.send(request, stream=streamed)


def _pause(attempt: int) -> float:
    """Seconds before the next try: twice as long each time, and never the same for all who wait."""
    longest: float = min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
    return longest * (1 - 0.25 * random.random())  # noqa: S311 - nothing secret


def _wanted_pause(response: httpx2.Response) -> float | None:
    """Seconds that the provider asks to wait."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 < seconds <= _LONGEST_WANTED_PAUSE_SECONDS else None


def _refused(response: httpx2.Response) -> RefusedError:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    return RefusedError(response.status_code, body, response.text[:500])
