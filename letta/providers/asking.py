"""Asking a provider that somebody has added: for its models, and whether it takes the key."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from letta.errors import InvalidArgumentError, UnprocessableError
from letta.json_types import JsonObject
from letta.llm import errors
from letta.llm.configured import is_configured_address
from letta.llm.errors import LlmEmptyResponseError, LlmError, LlmTimeoutError
from letta.llm.listed import NoModelListError
from letta.llm.listing import list_models
from letta.llm.provider import Provider
from letta.outgoing import egress

if TYPE_CHECKING:
    from httpx2 import AsyncClient

_SECONDS = 10.0
_MOST_MODELS = 2000


async def check_address(provider: Provider) -> None:
    """Refuse a provider that this server may not speak with.

    Raises:
        UnprocessableError: its address isn't one that may be asked.
    """
    try:
        if egress.parse(provider.base_url).userinfo:
            raise InvalidArgumentError(
                "The URL contains a user name or password. Remove them and send the key as api_key."
            )
        if not is_configured_address(provider.base_url):
            await egress.check(provider.base_url)
    except InvalidArgumentError as error:
        raise UnprocessableError(f"base_url: {error.detail}") from error


async def listed(provider: Provider) -> list[JsonObject] | None:
    """The models that a provider lists, as they are stored; None if it has no list.

    Raises:
        LlmError: it can't be reached, refuses the key, or answers with something else.
    """
    async with _client(provider) as client:
        try:
            models = await list_models(client, provider)
        except NoModelListError:
            return None
    return [asdict(model) for model in sorted(models, key=lambda model: model.name)[:_MOST_MODELS]]


async def check_key(provider: Provider) -> None:
    """Find out whether a provider takes the key.

    Raises:
        LlmError: it doesn't, or can't be reached.
    """
    if provider.type != "openrouter":
        await listed(provider)
        return
    async with _client(provider) as client:  # whose list is open to everybody
        key = provider.api_key.get_secret_value() if provider.api_key else ""
        answer = await client.get(f"{provider.base_url}/key", headers={"Authorization": f"Bearer {key}"})
        answer.raise_for_status()


@asynccontextmanager
async def _client(provider: Provider) -> AsyncIterator["AsyncClient"]:
    """A client for one provider. Whatever goes wrong with it is told as other failures of models are."""
    from httpx2 import AsyncClient, HTTPError, HTTPStatusError, InvalidURL, Timeout

    from letta.llm.bounded import http_options

    try:
        async with (
            asyncio.timeout(_SECONDS),
            AsyncClient(timeout=Timeout(_SECONDS), trust_env=False, **http_options(provider)) as client,
        ):
            yield client
    except HTTPStatusError as error:
        raise errors.error_for_status(error.response.status_code, error.response.text, None) from error
    except TimeoutError as error:
        raise LlmTimeoutError(f"The provider did not answer within {_SECONDS:g} s. Check base_url.") from error
    except (HTTPError, InvalidURL) as error:
        raise errors.connection_error(error) from error
    except LlmError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LlmEmptyResponseError(
            "The provider returned something that is not a list of models. Check base_url and provider_type."
        ) from error
