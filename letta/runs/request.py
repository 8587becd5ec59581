"""What a client asked for, in the form in which the executor takes it and a run keeps it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from letta.messages.schemas import InputMessage

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a turn is to be carried out. Kept with the run, so that another process can go on with it.

    Attributes:
        compaction: settings of a compaction, where the run is one and no model is to answer.
    """

    max_steps: int
    run_type: str = "send_message"
    stream_tokens: bool = False
    background: bool = False
    client_tools: list[JsonObject] = field(default_factory=list)
    client_skills: list[JsonObject] = field(default_factory=list)
    override_model: str | None = None
    override_system: str | None = None
    include_compaction_messages: bool = False
    request_config: JsonObject = field(default_factory=dict)
    callback_url: str | None = None
    compaction: JsonObject | None = None

    def to_json(self) -> JsonObject:
        """The form in which it is stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: JsonObject) -> "RunOptions":
        """Stored options, be they of an older or newer version of the server."""
        return cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored})


@dataclass(frozen=True, slots=True)
class RunRequest:
    """New messages for an agent, in its default conversation or in another one.

    Attributes:
        body_hash: hash of the request as it came, to recognise the same request when a client sends it again.
        resent: whether the client says that it sends the request again.
    """

    agent_id: str | None
    conversation_id: str | None
    messages: list[InputMessage]
    options: RunOptions
    body_hash: str | None = None
    resent: bool = False
    request_id: str | None = None

    @property
    def otids(self) -> list[str]:
        """The ids that the client gave to its messages."""
        return [message.otid for message in self.messages if message.otid]


def hash_body(body: JsonObject) -> str:
    """A hash of a request's body; equal bodies have equal hashes."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
