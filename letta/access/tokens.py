"""The form of keys. They are random, so that a plain digest is all that need be stored to recognize them.

Their beginnings tell scanners for leaked secrets, and us, what they are.
"""

import secrets
from hashlib import sha256

API_KEY = "letta_sk_"
BROWSER_TOKEN = "letta_ct_"  # noqa: S105 - the beginning of one
_SHOWN = 4


def new_token(prefix: str) -> str:
    """A new key: 256 random bits behind its beginning."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of a key, and looked up instead of it: the time it takes says nothing of the key."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def hint(token: str) -> str:
    """As much of a key as lists show, so that its owner knows which one it is."""
    return f"{token[: len(API_KEY)]}…{token[-_SHOWN:]}"


def is_stored_key(token: str) -> bool:
    """Whether it has the form of a key that is kept in the database."""
    return token.startswith((API_KEY, BROWSER_TOKEN))
