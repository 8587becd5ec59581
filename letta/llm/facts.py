"""What is publicly known of models, for those whose providers don't tell."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from letta.constants import DEFAULT_CONTEXT_WINDOW


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Limits of a language model in tokens. An output limit of None is unknown."""

    context: int = DEFAULT_CONTEXT_WINDOW
    output: int | None = None
    reasoning: bool = False


def facts_of(name: str) -> ModelFacts:
    """What is known of the model with this name; the cautious defaults where nothing is."""
    known = _table().llm
    plain = name.rpartition("/")[2].lower()
    return max(((key, facts) for key, facts in known.items() if plain.startswith(key)), key=_length, default=_NOTHING)[
        1
    ]


def dimensions_of(name: str) -> int | None:
    """The dimensions of an embedding model, or None where they aren't known."""
    plain = name.lower()
    found = [(key, dimensions) for key, dimensions in _table().embedding.items() if key in plain]
    return max(found, key=_length)[1] if found else None


@dataclass(frozen=True, slots=True)
class _Table:
    llm: dict[str, ModelFacts]
    embedding: dict[str, int]


_NOTHING = ("", ModelFacts())


def _length(item: tuple[str, object]) -> int:
    return len(item[0])


@cache
def _table() -> _Table:
    read = tomllib.loads(files("letta.llm").joinpath("facts.toml").read_text("utf-8"))
    return _Table({key: ModelFacts(**value) for key, value in read["llm"].items()}, read["embedding"])
