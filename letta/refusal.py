"""How a command ends that the configuration or the database doesn't allow."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from letta.errors import ConfigurationError, UnavailableError
from letta.redaction import redacted


@contextmanager
def refusing() -> Iterator[None]:
    """End the process with one sentence and exit code 1, where what stands in the way is for the operator to change."""
    try:
        yield
    except (ConfigurationError, UnavailableError) as error:
        print(f"letta: {redacted(error.detail)}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
