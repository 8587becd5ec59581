"""The server that is checked, and what a kind of thing that must survive consists of."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from letta.json_types import JsonObject
from letta.testing.endpoint import Endpoint

if TYPE_CHECKING:
    from letta_client import Letta

MODEL = "openai-proxy/gpt-4o-mini"


@dataclass
class World:
    """The server as a client sees it, the model behind it, and the ids of what was written.

    Attributes:
        sign_in_url: an MCP server that wants a sign-in; the server may ask it, and the model, at this machine.
    """

    client: "Letta"
    model: Endpoint
    sign_in_url: str
    ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Thing:
    """One kind of thing. `read` returns all of it in a fixed order, as JSON would show it."""

    name: str
    read: Callable[[World], Sequence[Any]]
    write: Callable[[World], None] = lambda _: None


def as_json(items: Iterable[Any]) -> list[JsonObject]:
    """What the client made of answers, as JSON again."""
    return [item.model_dump(mode="json") for item in items]
