"""What an agent's system message shows beside its prompt and its tool rules."""

from dataclasses import dataclass

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.folders.attached import directories_section


@dataclass(frozen=True, slots=True)
class Shown:
    """The agent's blocks, and the section of its folders."""

    blocks: list[Block]
    directories: str | None = None


def shown_by(
    connection: Connection, agent: Agent, isolated_in: str | None = None, *, with_folders: bool = True
) -> Shown:
    """What there is to show now.

    Args:
        isolated_in: the conversation, unless it is the default one: see `blocks_of`.
        with_folders: whether the agent may have any. Without, they cost no query.
    """
    blocks = blocks_of(connection, agent.id, isolated_in)
    return Shown(blocks, directories_section(connection, agent) if with_folders else None)


def blocks_of(
    connection: Connection, agent_id: str, isolated_in: str | None = None, *, lock: bool = False
) -> list[Block]:
    """The agent's blocks; those that are isolated in a conversation in place of those of the same label."""
    blocks = blocks_repository.blocks_of_agent(connection, agent_id, lock=lock)
    if isolated_in is None:
        return blocks
    isolated = {
        block.label: block for block in blocks_repository.blocks_of_conversation(connection, isolated_in, lock=lock)
    }
    return [isolated.get(block.label, block) for block in blocks]
