"""What a client asked for, in the form in which the executor takes it and a run keeps it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields

from letta.json_types import JsonObject
from letta.messages.schemas import InputMessage, MessageCreate


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a turn is to be carried out. Kept with the run, so that another process can go on with it.

    Attributes:
        compaction: settings of a compaction, where the run is one and no model is to answer.
        sleeptime: the ``group_id`` of a group of which the agent looks after the manager's memory, and the last
            message that it is told of (``through``), where that is what the run is for.
        job_id: the job that the run is part of.
        hops: how many agents have passed on to each other what the request goes back to.
        scheduled_message_id: what the run was scheduled by, if it was.
        waiting: ids of agents that wait for what comes of the request, and can't be asked anything meanwhile.
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
    sleeptime: JsonObject | None = None
    job_id: str | None = None
    hops: int = 0
    scheduled_message_id: str | None = None
    waiting: list[str] = field(default_factory=list)

    def to_json(self) -> JsonObject:
        """The form in which it is stored."""
        return asdict(self)

    def metadata(self) -> JsonObject:
        """What the run's metadata say from the beginning; those of asynchronous runs have one entry more."""
        scheduled = {"scheduled_message_id": self.scheduled_message_id} if self.scheduled_message_id else {}
        further = {"lettuce": None} if self.run_type == "send_message_async" else {}
        return {"run_type": self.run_type, **further, **scheduled}

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
        """The ids by which the request is recognised: of all that is said, else of the first answer to what waits."""
        said = [message.otid for message in self.messages if isinstance(message, MessageCreate) and message.otid]
        return said or [message.otid for message in self.messages if message.otid][:1]


def hash_body(body: JsonObject) -> str:
    """A hash of a request's body; equal bodies have equal hashes."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
