"""Names for what JSON holds."""

from typing import Any

JsonObject = dict[str, Any]
