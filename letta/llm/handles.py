"""Models as the catalog knows them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LlmModel:
    """A language model that some configured provider offers.

    Attributes:
        handle: ``<provider>/<model>``, as agents name it.
        context_window: largest context in tokens.
        max_output_tokens: the provider's own limit where it's known, else None.
    """

    handle: str
    name: str
    provider_name: str
    provider_type: str
    endpoint_type: str
    endpoint: str
    context_window: int
    max_output_tokens: int | None = None
    provider_category: str = "base"
    reasoning: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """An embedding model that some configured provider offers."""

    handle: str
    name: str
    provider_name: str
    provider_type: str
    endpoint_type: str
    endpoint: str
    dimensions: int
    batch_size: int = 32
    provider_category: str = "base"
