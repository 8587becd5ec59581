"""Secrets at rest: AES-256-GCM under LETTA_ENCRYPTION_KEY, as a column type.

Stored form: ``v1:<key id>:<base64(nonce + ciphertext)>``. The key id is a fingerprint of the key; the column's name is
authenticated along with the text, so that a value can't be moved to another column. Without a key, values are stored
as ``plain:<text>`` and become encrypted when they are next written with one.
"""

import base64
import hmac
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from letta.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_PLAIN = "plain:"
_VERSION = "v1"


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
            ConfigurationError: the key is missing, or is not the one that the secret was written with.
        """
        if stored.startswith(_PLAIN):
            return stored.removeprefix(_PLAIN)
        _, key_id, sealed = stored.split(":", 2)
        if self._key is None or key_id != self._key.fingerprint:
            raise ConfigurationError(
                "A stored secret was encrypted with another key. "
                "Set LETTA_ENCRYPTION_KEY to the key it was written with."
            )
        raw = base64.b64decode(sealed)
        from cryptography.exceptions import InvalidTag

        try:
            return self._key.cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
        except InvalidTag as error:
            raise ConfigurationError("A stored secret is damaged. Write it again.") from error


keyring = Keyring()


class EncryptedText(TypeDecorator[str]):
    """A text column whose values are encrypted on their way to the database."""

    impl = Text
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else keyring.encrypt(value, self.context)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else keyring.decrypt(value, self.context)
