"""Secrets as the former server stored them: AES-256-GCM under a password, or plain where it had none."""

import base64
from typing import TYPE_CHECKING

from letta.errors import ConfigurationError
from letta.redaction import remember

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SALT, _IV, _TAG = 16, 12, 16
_ROUNDS = 100_000
_PLAIN_PREFIXES = (
    *("sk-", "pk-", "api-", "key-", "token-", "Bearer ", "xoxb-", "xoxp-"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "AKIA", "ABIA", "ACCA", "ASIA"),
)


class SecretLockedError(ConfigurationError):
    """A secret was encrypted with another key than the one given, or with one where none is given."""


class LegacySecrets:
    """Opens secrets with the former server's key."""

    def __init__(self, key: str | None) -> None:
        self._key = key

    @property
    def has_key(self) -> bool:
        """Whether there is a key to open them with."""
        return self._key is not None

    def open(self, sealed: str | None, plain: str | None = None) -> str | None:
        """The secret of a pair of columns; the second is what older versions wrote, and empty today.

        Raises:
            SecretLockedError: it can't be opened.
        """
        if not sealed:
            secret = plain
        elif self._key is None:
            secret = self._as_it_is(sealed)
        else:
            secret = self._decrypted(sealed)
        if secret:
            remember(secret)
        return secret

    def _as_it_is(self, sealed: str) -> str:
        if _looks_encrypted(sealed):
            raise SecretLockedError(
                "A secret is encrypted, but LETTA_LEGACY_ENCRYPTION_KEY is not set. Set it to the former server's key."
            )
        return sealed

    def _decrypted(self, sealed: str) -> str:
        """Databases hold plain secrets from before the key was set beside encrypted ones."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._cipher(raw[:_SALT]).decrypt(raw[_SALT : _SALT + _IV], raw[_SALT + _IV :], None).decode()
        except (InvalidTag, ValueError):
            if _looks_encrypted(sealed):
                raise SecretLockedError(
                    "A secret was encrypted with a key other than LETTA_LEGACY_ENCRYPTION_KEY. Set that to the former "
                    "server's key."
                ) from None
            return sealed

    def _cipher(self, salt: bytes) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

        derived = PBKDF2HMAC(algorithm=SHA256(), length=32, salt=salt, iterations=_ROUNDS)
        return AESGCM(derived.derive((self._key or "").encode()))


def _looks_encrypted(text: str) -> bool:
    if text.startswith(_PLAIN_PREFIXES):
        return False
    try:
        return len(base64.b64decode(text, validate=True)) >= _SALT + _IV + _TAG
    except ValueError:
        return False
