"""What a scripted model is to answer, free of any provider's wire format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

DEFAULT_TEXT = "Hello from the scripted model."
SUMMARY_TEXT = "Summary: the user and the assistant exchanged greetings."

FailureKind = Literal[
    "rate_limit",
    "quota",
    "server",
    "overloaded",
    "auth",
    "bad_request",
    "not_found",
    "context_overflow",
    "cut",
    "malformed",
]


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call. Several calls in one `Reply` are parallel calls.

    Arguments given as a string are sent as they are, so that invalid JSON can be tried.
    Without an `id` the wire format makes one up.
    """

    name: str
    arguments: Mapping[str, object] | str = field(default_factory=dict)
    id: str | None = None
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Failure:
    """What goes wrong instead of, or in the middle of, a reply.

    `cut` closes the connection, `malformed` sends what isn't JSON; every other kind is an error answer in the
    provider's own form. `times` is how often it happens before the reply is given (None: always). With `after`
    it happens in mid-stream, behind that many streamed events. `retry_after` (seconds) goes with the kinds that
    a client may send again; None leaves the header out.
    """

    kind: FailureKind
    times: int | None = None
    after: int | None = None
    status: int | None = None
    message: str | None = None
    retry_after: float | None = 0.01
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts. `input` includes `cached`, `output` includes `reasoning`."""

    input: int = 100
    output: int = 10
    cached: int = 0
    reasoning: int = 0
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model.

    Without `text` and `calls` the text is `DEFAULT_TEXT`; `text=""` is an empty completion. `reasoning` is what the
    model thinks where it is asked to, `hidden` what it thinks and the provider encrypts. `delay` is waited
    before the first byte and `chunk_delay` behind each streamed event (seconds). With `hold` nothing is sent
    until the script is released. `finish_reason` is given in the provider's words and overrides the natural one.
    """

    text: str | None = None
    reasoning: str | None = None
    hidden: str | None = None
    calls: Sequence[Call] = ()
    error: Failure | None = None
    delay: float = 0.0
    chunk_delay: float = 0.0
    hold: bool = False
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    @property
    def content(self) -> str | None:
        """The text to send; None when the reply consists of tool calls alone."""
        if self.text is None and not self.calls:
            return DEFAULT_TEXT
        return self.text


@dataclass(frozen=True, slots=True)
class Scenario:
    """The replies of one script in their order, and the one for requests that offer no tools, as summaries do."""

    steps: Sequence[Reply]
    without_tools: Reply | None = None
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
