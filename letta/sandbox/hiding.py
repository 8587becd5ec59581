"""What the server does about itself before it runs a tool in a process of the same user."""

import ctypes
import logging
import os
import re
import sys
from collections.abc import Iterator

from pydantic import AliasChoices

from letta.sandbox.child import kernel
from letta.settings import Settings

logger = logging.getLogger(__name__)

_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|_DSN)$", re.IGNORECASE)


def hide_from_tools() -> None:
    """Take secrets out of this process's environment, and let no process of the same user look into this one.

    The settings have been read by now, and libraries are given their keys by them.
    """
    if sys.platform != "linux":
        return
    names = [name for name in os.environ if is_secret(name)]
    _overwrite(names)
    for name in names:
        os.environ.pop(name, None)
    kernel.set_dumpable(dumpable=False)
    logger.info("tools now run in processes: %d secrets were removed from the environment", len(names))


def is_secret(name: str) -> bool:
    """Whether an environment variable of this name holds something that a tool must not see."""
    return name in _SECRET_SETTINGS or _SECRET.search(name) is not None


def _secret_settings() -> Iterator[str]:
    for field in Settings.model_fields.values():
        if "SecretStr" in str(field.annotation) and isinstance(field.validation_alias, AliasChoices):
            yield from (str(name) for name in field.validation_alias.choices)


_SECRET_SETTINGS = frozenset(_secret_settings())


def _overwrite(names: list[str]) -> None:
    """Blank the values where the kernel has put them, as /proc/PID/environ shows what is there."""
    wanted = {os.fsencode(name) for name in names}
    variables = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    for place in range(len(os.environ) + 1000):
        address = variables[place]
        if not address:
            return
        text = ctypes.string_at(address)
        name, _, value = text.partition(b"=")
        if name in wanted:
            ctypes.memset(address + len(name) + 1, 0, len(value))
