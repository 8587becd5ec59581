"""What a call of a model used."""

from dataclasses import dataclass


@dataclass(slots=True)
class Usage:
    """Tokens of one call; None where the provider didn't say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
