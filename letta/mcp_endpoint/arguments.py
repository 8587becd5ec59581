"""What the tools of the MCP endpoint are given. The descriptions are what other programs' models read."""

from typing import Annotated

from pydantic import Field

from letta.archives.schemas import MAX_TAGS, PassageText
from letta.schema import Schema

Agent = Annotated[str, Field(min_length=1, description="Id of an agent, or its name if it is unique.")]
Label = Annotated[str, Field(min_length=1, description="Label of one of the agent's memory blocks, such as 'human'.")]
Results = Annotated[int, Field(ge=1, le=50, description="Most results.")]


class ListAgents(Schema):
    """Which agents to list."""

    search: str | None = Field(None, description="Only agents whose name contains this text.")
    limit: int = Field(50, ge=1, le=200, description="Most agents to list.")


class SendMessage(Schema):
    """What to say to an agent."""

    agent: Agent
    message: str = Field(min_length=1, description="What to tell or ask the agent.")
    conversation: str | None = Field(
        None,
        description="Name or id of one of the agent's conversations; a new name begins one. Without it, the agent's "
        "own conversation.",
    )


class OfAgent(Schema):
    """An agent."""

    agent: Agent


class WriteBlock(Schema):
    """A new value of a memory block."""

    agent: Agent
    label: Label
    value: str = Field(description="The whole new text of the block.")


class ReplaceInBlock(Schema):
    """A change within a memory block."""

    agent: Agent
    label: Label
    old_text: str = Field(min_length=1, description="Text that stands in the block exactly once.")
    new_text: str = Field(description="What is to stand there instead.")


class SearchArchive(Schema):
    """What to look for in an agent's archive."""

    agent: Agent
    query: str = Field(min_length=1, description="What to look for, as one would ask a person.")
    tags: list[str] | None = Field(None, description="Only passages with one of these tags.")
    limit: Results = 10


class InsertPassage(Schema):
    """What to keep in an agent's archive."""

    agent: Agent
    text: PassageText = Field(description="What to keep; it should be understandable by itself.")
    tags: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(
        None, max_length=MAX_TAGS, description="Tags to find it by."
    )


class SearchConversations(Schema):
    """What to look for in what was said."""

    query: str = Field(description="What to look for, as one would ask a person. Blank lists the newest messages.")
    agent: Agent | None = Field(None, description="Only what this agent said or was told: its id, or its name.")
    limit: Results = 10
