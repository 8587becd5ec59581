"""Where a provider is and how to be let in."""

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Provider:
    """A configured provider of models.

    Attributes:
        name: its name in the API (``provider_name``).
        type: its kind, which decides on the wire format.
        handle_prefix: first part of the handles of its language models.
        api_version: version of the API in its addresses, for Azure's older form of them.
    """

    name: str
    type: str
    base_url: str
    handle_prefix: str
    api_key: SecretStr | None = None
    api_version: str | None = None

    @property
    def api_url(self) -> str:
        """Where the requests go: on Azure a path below the resource's own address."""
        return f"{self.base_url}/openai/v1" if self.type == "azure" else self.base_url
