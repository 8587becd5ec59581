"""Keeping secrets out of logs and error messages, even where somebody else wrote them into a text that we pass on."""

from collections import OrderedDict
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:  # reading the settings may fail, and what that says passes through here
    from letta.settings import Settings

MASK = "[secret]"

_SHORTEST = 6
"""Shorter values are parts of ordinary words and numbers; hiding them would hide the rest."""
_MOST = 1000

_known: OrderedDict[str, None] = OrderedDict()


def remember(secret: str) -> None:
    """Hide this text from now on. The newest ones are kept."""
    if len(secret) < _SHORTEST or secret in _known:
        return
    _known[secret] = None
    if len(_known) > _MOST:
        _known.popitem(last=False)


def remember_settings(settings: "Settings") -> None:
    """Hide all that is secret in the configuration: keys, passwords, and those within connection strings."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            _remember_with_password(value.get_secret_value())
        elif isinstance(value, str) and "://" in value and "@" in value:
            _remember_with_password(value)


def redacted(text: str) -> str:
    """The text with every secret that is known replaced."""
    for secret in tuple(_known):
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def _remember_with_password(value: str) -> None:
    remember(value)
    if "://" not in value or "@" not in value:
        return
    from urllib.parse import unquote

    user, _, password = value.partition("://")[2].rpartition("@")[0].partition(":")
    for part in (password, unquote(password)) if password else (user, unquote(user)):
        remember(part)
