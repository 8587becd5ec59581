"""The agent that looks after another one's memory: what it is made of."""

from collections.abc import Sequence
from dataclasses import replace

from letta.agents.agent import Agent
from letta.agents.agent_types import SLEEPTIME_AGENT
from letta.agents.names import NAME_MAX_LENGTH
from letta.agents.prompts import system_prompt
from letta.agents.schemas import CreateAgent
from letta.blocks.block import Block
from letta.blocks.schemas import CreateBlock
from letta.database.ids import new_id
from letta.groups.group import DEFAULT_FREQUENCY, SLEEPTIME, Group

_SUFFIX = "-sleeptime"
_PERSONA = """I look after the memory of another agent. I
- note what will matter later, and where it is to be found
- see what people want, like and are used to, also where they don't say so
- put right what is no longer true, and say things once
- am brief, and leave good notes alone"""


def sleeptime_agent(main: Agent) -> Agent:
    """The agent that is to look after the memory of this one. It has the same models; it isn't stored yet."""
    return replace(
        main,
        id=new_id("agent"),
        name=main.name[: NAME_MAX_LENGTH - len(_SUFFIX)] + _SUFFIX,
        agent_type=SLEEPTIME_AGENT,
        system=system_prompt(SLEEPTIME_AGENT),
        llm_config=main.llm_config | {"parallel_tool_calls": False, "response_format": None},
        description=None,
        metadata=None,
        response_format=None,
        tool_rules=[],
        message_buffer_autoclear=False,
        enable_sleeptime=None,
        template_id=None,
        base_template_id=None,
        deployment_id=None,
        entity_id=None,
        last_run_completion=None,
        last_run_duration_ms=None,
        last_stop_reason=None,
    )


def sleeptime_request(blocks: Sequence[Block]) -> CreateAgent:
    """What else the agent has: the blocks that it shares, one of its own, and the tools of its type."""
    labels = {block.label for block in blocks}
    own = [] if "memory_persona" in labels else [CreateBlock(label="memory_persona", value=_PERSONA)]
    return CreateAgent(
        agent_type=SLEEPTIME_AGENT,
        memory_blocks=own,
        block_ids=[block.id for block in blocks],
        include_base_tool_rules=True,
    )


def sleeptime_group(main: Agent, agent_id: str) -> Group:
    """The group in which the one agent looks after the memory of the other."""
    return Group(
        id=new_id("group"),
        organization_id=main.organization_id,
        manager_type=SLEEPTIME,
        description="",
        manager_agent_id=main.id,
        sleeptime_agent_frequency=DEFAULT_FREQUENCY,
        turns_counter=-1,
        project_id=main.project_id,
        agent_ids=[agent_id],
    )
