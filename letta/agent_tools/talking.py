"""Carrying out the calls with which an agent talks to others of its organization."""

import asyncio
import json
from collections.abc import Sequence
from typing import Protocol

from letta.agents.agent import Agent
from letta.agents.repository import agents_with_tags
from letta.database.engine import Database
from letta.errors import LettaError
from letta.memory_tools.errors import ToolError
from letta.organizations.actor import Actor
from letta.turn.request import RunOptions

_MOST_AGENTS = 50
_AT_ONCE = 5
_MOST_HOPS = 8
"""So often messages may lead to further messages, before agents that thank each other are stopped."""
_LEFT = "The message was left with the other agent."


class Messenger(Protocol):
    """Who brings messages to agents."""

    async def ask(self, actor: Actor, agent_id: str, text: str, sender: Agent, options: RunOptions) -> str:
        """What an agent answers to a message."""

    async def leave(self, actor: Actor, agent_id: str, text: str, sender: Agent, options: RunOptions) -> None:
        """Leave a message with an agent, which takes it up when it is free."""


async def ask_agent(
    messenger: Messenger, actor: Actor, sender: Agent, asked_with: RunOptions, message: str, other_agent_id: str
) -> str:
    """What another agent answers.

    Raises:
        ToolError: it can't be asked, or doesn't answer.
    """
    return await _ask(messenger, actor, sender, _passed_on(sender, asked_with, other_agent_id), message, other_agent_id)


async def tell_agent(
    messenger: Messenger, actor: Actor, sender: Agent, asked_with: RunOptions, message: str, other_agent_id: str
) -> str:
    """Leave a message with another agent.

    Raises:
        ToolError: there is none.
    """
    options = _passed_on(sender, asked_with, None)
    try:
        await messenger.leave(actor, other_agent_id, _introduced(sender, message, waits=False), sender, options)
    except LettaError as error:
        raise ToolError(error.detail) from error
    return _LEFT


async def ask_tagged_agents(
    messenger: Messenger,
    database: Database,
    actor: Actor,
    sender: Agent,
    asked_with: RunOptions,
    message: str,
    match_all: Sequence[str] = (),
    match_some: Sequence[str] = (),
) -> str:
    """What all agents with certain tags answer, as a list in JSON; of those that don't, why.

    Raises:
        ToolError: no tags are given, or there are too many such agents or none.
    """
    if not match_all and not match_some:
        raise ToolError("Give tags in 'match_all' or 'match_some'.")
    options = _passed_on(sender, asked_with, None)
    found = await database.read(agents_with_tags, actor, match_all, match_some, _MOST_AGENTS + 1)
    others = [other for other in found if other[0] not in {sender.id, *asked_with.waiting}]
    if not others:
        raise ToolError("No other agent has these tags.")
    if len(others) > _MOST_AGENTS:
        raise ToolError(f"More than {_MOST_AGENTS} agents have these tags. Choose tags that fewer agents have.")
    places = asyncio.Semaphore(_AT_ONCE)

    async def ask(agent_id: str, name: str) -> dict[str, str]:
        told = {"agent_id": agent_id, "agent_name": name}
        async with places:
            try:
                return told | {"response": await _ask(messenger, actor, sender, options, message, agent_id)}
            except ToolError as error:
                return told | {"error": str(error)}

    return json.dumps(await asyncio.gather(*(ask(*other) for other in others)), ensure_ascii=False)


async def _ask(
    messenger: Messenger, actor: Actor, sender: Agent, options: RunOptions, message: str, other_agent_id: str
) -> str:
    try:
        return await messenger.ask(actor, other_agent_id, _introduced(sender, message, waits=True), sender, options)
    except LettaError as error:
        raise ToolError(f"Agent {other_agent_id} did not answer: {error.detail}") from error


def _passed_on(sender: Agent, asked_with: RunOptions, other_agent_id: str | None) -> RunOptions:
    """The options of the turn in which another agent takes a message up."""
    if asked_with.hops >= _MOST_HOPS:
        raise ToolError(f"This message goes back to one that {_MOST_HOPS} agents have passed on already. Answer it.")
    if other_agent_id == sender.id:
        raise ToolError("That is your own id. Name another agent.")
    if other_agent_id in asked_with.waiting:
        raise ToolError(
            f"Agent {other_agent_id} is waiting for your answer and can't reply before it has one. Answer it."
        )
    return RunOptions(
        max_steps=asked_with.max_steps,
        run_type="send_message",
        hops=asked_with.hops + 1,
        waiting=[*asked_with.waiting, sender.id],
    )


def _introduced(sender: Agent, message: str, *, waits: bool) -> str:
    manner = (
        "It waits for your answer, and gets what you say to the user in this turn."
        if waits
        else "It doesn't wait for an answer. To give one, send it a message with a tool, if you have one for that."
    )
    return f"[Message from agent '{sender.name}' ({sender.id}). {manner}]\n{message}"
