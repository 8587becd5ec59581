"""What happens with added providers: they are stored, asked for their models, and changed."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import InvalidArgumentError
from letta.json_types import JsonObject
from letta.llm.configured import RESERVED_NAMES
from letta.llm.errors import LlmError
from letta.organizations.actor import Actor
from letta.providers import asking, repository
from letta.providers.added_provider import AddedProvider
from letta.providers.catalogs import OrganizationCatalogs
from letta.redaction import MASK, remember

logger = logging.getLogger(__name__)


async def create_provider(
    database: Database, catalogs: OrganizationCatalogs, actor: Actor, fields: JsonObject
) -> AddedProvider:
    """Store a provider and the models that it lists. One that can't be reached now is stored without any.

    Raises:
        InvalidArgumentError: its name is that of a provider of the environment, or its type isn't offered.
        UnprocessableError: its address isn't one that may be asked.
        ConflictError: another one has its name.
    """
    provider = AddedProvider(id=new_id("provider"), **fields)
    if provider.name.lower() in RESERVED_NAMES or catalogs.is_configured(provider.name):
        raise InvalidArgumentError(
            f"'{provider.name}' is the name of a provider that is configured by environment variables. Choose another "
            "name."
        )
    if MASK in {provider.api_key, provider.access_key}:
        raise InvalidArgumentError("api_key is the placeholder shown in responses, not the key. Send the key itself.")
    await asking.check_address(provider.provider())
    stored = await database.run(repository.insert_provider, actor, provider)
    try:
        return await catalogs.sync(actor, stored)
    except LlmError as error:
        logger.warning("provider %s was stored without models. %s", stored.id, error.detail)
        return stored


async def update_provider(
    database: Database, catalogs: OrganizationCatalogs, actor: Actor, provider_id: str, changes: Mapping[str, Any]
) -> AddedProvider:
    """Change a provider, and store what it lists then, if it can be reached.

    Raises:
        NotFoundError: there is none.
        InvalidArgumentError: the key is missing, or would be sent to another place.
        UnprocessableError: its address isn't one that may be asked.
    """
    stored = await database.read(repository.get_provider, actor, provider_id)
    changed = _changed(stored, changes)
    await asking.check_address(changed.provider())
    changed = await database.run(repository.write_provider, actor, changed)
    try:
        return await catalogs.sync(actor, changed)
    except LlmError as error:
        logger.warning("the models of provider %s could not be listed. %s", provider_id, error.detail)
        return changed


async def check(fields: JsonObject) -> None:
    """Find out whether a provider that isn't stored takes a key.

    Raises:
        LlmError: it doesn't, or can't be reached.
        InvalidArgumentError: its type isn't offered.
        UnprocessableError: its address isn't one that may be asked.
    """
    for name in ("api_key", "access_key"):
        remember(fields.get(name) or "")
    await check_stored(AddedProvider(id="", name=fields["provider_type"], **fields))


async def check_stored(provider: AddedProvider) -> None:
    """The same for one that is stored."""
    asked = provider.provider()
    await asking.check_address(asked)
    await asking.check_key(asked)


def _changed(stored: AddedProvider, changes: Mapping[str, Any]) -> AddedProvider:
    """The provider with its key in place of the mask that answers show."""
    changed = replace(stored, **changes)
    kept = {name: getattr(stored, name) for name in ("api_key", "access_key") if changes.get(name) == MASK}
    if kept and (None in kept.values() or _place(stored) != _place(changed)):
        raise InvalidArgumentError(
            f"{', '.join(kept)} is the placeholder shown in responses; a stored key is not sent to another address. "
            "Send the key itself."
        )
    return replace(changed, **kept)


def _place(provider: AddedProvider) -> tuple[str, str]:
    parts = urlsplit(provider.provider().base_url)
    return parts.scheme, parts.netloc
