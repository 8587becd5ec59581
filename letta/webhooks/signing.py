"""Signatures of deliveries, as the Standard Webhooks specification has them (https://www.standardwebhooks.com)."""

import base64
import hmac
import os
import time
from collections.abc import Iterable

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """A secret to sign with, in the form that libraries of the specification take."""
    return _PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()


def signed_headers(delivery_id: str, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """What a delivery carries, so that its receiver can tell who it is from, and that it isn't an old one.

    There is a signature for each of the secrets, of which the receiver needs to know one.
    """
    moment = str(int(time.time()))
    signed = f"{delivery_id}.{moment}.".encode() + body
    return {
        "content-type": "application/json",
        "user-agent": "letta-webhooks",
        "webhook-id": delivery_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(_signature(signed, secret) for secret in secrets),
    }


def _signature(signed: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
