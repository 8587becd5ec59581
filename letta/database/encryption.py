"""Secrets at rest: AES-256-GCM under LETTA_ENCRYPTION_KEY, as a column type.

Stored form: ``v1:<key id>:<base64(nonce + ciphertext)>``. The key id is a fingerprint of the key; the column's name is
authenticated along with the text, so that a value can't be moved to another column. Without a key, values are stored
as ``plain:<text>`` and become encrypted when they are next written with one.
"""

import base64
import hmac
import logging
import os
import time
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from letta.errors import ConfigurationError
from letta.redaction import remember

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

logger = logging.getLogger(__name__)

_NONCE_BYTES = 12
_PLAIN = "plain:"
_BORNE_SECONDS = 60
_VERSION = "v1"


class SecretUnreadableError(ConfigurationError):
    """A stored secret can't be decrypted."""


class OtherKeyError(SecretUnreadableError):
    """A stored secret was encrypted with another key than the one in force, or there is none in force."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            "A stored secret was encrypted with another key. Set LETTA_ENCRYPTION_KEY to the key it was written with."
        )
        self.key_id = key_id


class _Key:
    """One key. The library is imported when the first secret is read or written: it takes 7 MB."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.fingerprint = hmac.digest(secret, b"letta key fingerprint", "sha256").hex()[:16]

    @cached_property
    def cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=b"letta secrets v1").derive(self._secret))


class Keyring:
    """The process's encryption key, or the absence of one."""

    def __init__(self) -> None:
        self._key: _Key | None = None
        self._borne: dict[str, float] = {}
        self.is_watched = False
        """Whether somebody looks what it means when a secret of another key is met: see `bear`."""

    def load(self, key: str | None) -> None:
        """Use this key (any text; 32 random bytes in base64 are advised) from now on."""
        self._key = _Key(key.encode()) if key else None

    @property
    def fingerprint(self) -> str | None:
        """What tells keys apart without revealing them; None without a key."""
        return self._key.fingerprint if self._key else None

    def encrypt(self, text: str, context: str) -> str:
        """The stored form of a secret."""
        if self._key is None:
            return _PLAIN + text
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._key.cipher.encrypt(nonce, text.encode(), context.encode())
        return f"{_VERSION}:{self._key.fingerprint}:{base64.b64encode(nonce + sealed).decode()}"

    def decrypt(self, stored: str, context: str) -> str:
        """The secret itself.

        Raises:
            SecretUnreadableError: it is damaged, or was written with another key than the one in force, if any is.
        """
        if stored.startswith(_PLAIN):
            return stored.removeprefix(_PLAIN)
        parts = stored.split(":", 2)
        if len(parts) != 3 or parts[0] != _VERSION:
            raise SecretUnreadableError("A stored secret is damaged. Write it again.")
        if self._key is None or parts[1] != self._key.fingerprint:
            raise OtherKeyError(parts[1])
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(parts[2])
            return self._key.cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadableError("A stored secret is damaged. Write it again.") from error

    def bear(self, key_id: str) -> None:
        """For a while, take secrets of that key for what was left behind: the key in force is the database's."""
        self._borne[key_id] = time.monotonic() + _BORNE_SECONDS

    def bears(self, key_id: str) -> bool:
        """Whether secrets of that key read as empty for the time being, rather than as an error."""
        return not self.is_watched or time.monotonic() < self._borne.get(key_id, 0)


keyring = Keyring()


class EncryptedText(TypeDecorator[str]):
    """A text column whose values are encrypted on their way to the database.

    What can't be decrypted reads as an empty text, so that one damaged secret doesn't make all of a list unreadable.
    Where it was encrypted with another key, it is first looked whether that has become the database's (`Keyring.bear`).
    """

    impl = Text
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        remember(value)
        return keyring.encrypt(value, self.context)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        try:
            secret = keyring.decrypt(value, self.context)
            remember(secret)
            return secret
        except SecretUnreadableError as error:
            if isinstance(error, OtherKeyError) and not keyring.bears(error.key_id):
                raise
            _report(self.context, error.detail)
            return ""


@cache
def _report(context: str, detail: str) -> None:
    """Once is enough: a list may hold hundreds."""
    logger.error("%s: %s The value is treated as empty.", context, detail)
