"""A model as its provider lists it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["llm", "embedding"]


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as its provider describes it; None is what the provider doesn't tell."""

    name: str
    kind: Kind = "llm"
    context_window: int | None = None
    max_output_tokens: int | None = None
    dimensions: int | None = None
    reasoning: bool | None = None


class NoModelListError(Exception):
    """The provider has no list of its models."""
