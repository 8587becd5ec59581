"""Where a provider is and how to be let in."""

from dataclasses import dataclass

from pydantic import SecretStr

BASE, BYOK = "base", "byok"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of models.

    Attributes:
        name: its name in the API (``provider_name``).
        type: its kind, which decides on the wire format.
        handle_prefix: first part of the handles of its language models.
        api_version: version of the API in its addresses, for Azure's older form of them.
        category: ``byok`` where somebody has added it by the API, so that its address is to be trusted less.
    """

    name: str
    type: str
    base_url: str
    handle_prefix: str
    api_key: SecretStr | None = None
    api_version: str | None = None
    category: str = BASE

    @property
    def figure_name(self) -> str:
        """Its name among the figures of /metrics, of which there may be few."""
        return self.name if self.category == BASE else f"{BYOK}:{self.type}"

    @property
    def api_url(self) -> str:
        """Where the requests go: on Azure a path below the resource's own address."""
        return f"{self.base_url}/openai/v1" if self.type == "azure" else self.base_url
