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
    """

    name: str
    type: str
    base_url: str
    handle_prefix: str
    api_key: SecretStr | None = None
