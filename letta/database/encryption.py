"""Secrets at rest: AES-256-GCM under LETTA_ENCRYPTION_KEY, as a column type.

Stored form: ``v1:<key id>:<base64(nonce + ciphertext)>``. The key id is a fingerprint of the key; the column's name is
authenticated along with the text, so that a value can't be moved to another column. Without a key, values are stored
as ``plain:<text>`` and become encrypted when they are next written with one.
"""

import base64
import hashlib
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from letta.errors import ConfigurationError

_NONCE_BYTES = 12
_PLAIN = "plain:"
_VERSION = "v1"


class Keyring:
    """The process's encryption key, or the absence of one."""

    def __init__(self) -> None:
        self._cipher: AESGCM | None = None
        self.fingerprint: str | None = None

    def load(self, key: str | None) -> None:
        """Use this key (any text; 32 random bytes in base64 are advised) from now on."""
        if not key:
            self._cipher = self.fingerprint = None
            return
        material = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"letta secrets v1").derive(key.encode())
        self._cipher = AESGCM(material)
        self.fingerprint = hashlib.sha256(b"letta key fingerprint" + material).hexdigest()[:16]

    def encrypt(self, text: str, context: str) -> str:
        """The stored form of a secret."""
        if self._cipher is None:
            return _PLAIN + text
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), context.encode())
        return f"{_VERSION}:{self.fingerprint}:{base64.b64encode(nonce + sealed).decode()}"

    def decrypt(self, stored: str, context: str) -> str:
        """The secret itself.

        Raises:
            ConfigurationError: the key is missing, or is not the one that the secret was written with.
        """
        if stored.startswith(_PLAIN):
            return stored.removeprefix(_PLAIN)
        _, key_id, sealed = stored.split(":", 2)
        if self._cipher is None or key_id != self.fingerprint:
            raise ConfigurationError(
                "A stored secret was encrypted with another key. "
                "Set LETTA_ENCRYPTION_KEY to the key it was written with."
            )
        raw = base64.b64decode(sealed)
        try:
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
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
