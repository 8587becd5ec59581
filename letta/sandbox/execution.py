"""Running a tool's function: what an engine is asked, and what it answers."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from letta.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class ClientAccess:
    """Where the client that is given to a tool finds the server, and the key that it shows."""

    base_url: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Execution:
    """One call of a function.

    Attributes:
        source: all of the tool's source.
        function: name of the function in it.
        arguments: in JSON, by name.
        environment: variables that it finds, and no others but PATH and the like.
        seconds: that it may take.
        agent_state: the agent, where the function asks for it.
        client: access for the name `client`, where the source uses it.
        client_problem: why there is no client, instead.
        pip_requirements: packages that the source needs.
    """

    source: str
    function: str
    arguments: JsonObject
    environment: dict[str, str]
    seconds: float
    agent_state: JsonObject | None = None
    client: ClientAccess | None = None
    client_problem: str | None = None
    pip_requirements: list[JsonObject] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call.

    Attributes:
        text: of what was returned; None where the call failed.
        value: the same as JSON, where it has a counterpart there, else the text.
        error: what went wrong, such as ``ValueError: no such city``.
        stdout: what was printed.
        stderr: what was printed there, with the traceback of an error.
    """

    text: str | None = None
    value: Any = None
    error: str | None = None
    stdout: str = ""
    stderr: str = ""


class Engine(Protocol):
    """Runs tools, in one way. It never raises for what a tool does."""

    name: str

    async def run(self, execution: Execution) -> Outcome:
        """Run a tool."""

    async def close(self) -> None:
        """End whatever is running."""


def failed(error: str) -> Outcome:
    """The outcome of a call that could not be made."""
    return Outcome(error=error)
