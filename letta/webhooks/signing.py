"""Signatures of deliveries, as the Standard Webhooks specification has them (https://www.standardwebhooks.com)."""

import base64
import hmac
import os
import time

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """A secret to sign with, in the form that libraries of the specification take."""
    return _PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()


def signed_headers(delivery_id: str, body: bytes, secret: str) -> dict[str, str]:
    """What a delivery carries, so that its receiver can tell who it is from, and that it isn't an old one."""
    moment = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signature = hmac.digest(key, f"{delivery_id}.{moment}.".encode() + body, "sha256")
    return {
        "content-type": "application/json",
        "user-agent": "letta-webhooks",
        "webhook-id": delivery_id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
