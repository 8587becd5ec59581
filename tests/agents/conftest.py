"""A catalog of real listings, an organization with built-in tools, and agents in it."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from letta.agents.changes import update_agent
from letta.agents.creation import create_agent
from letta.agents.schemas import AgentState, CreateAgent, UpdateAgent
from letta.blocks.block import Block
from letta.blocks.repository import create_block, new_block
from letta.database.engine import Database
from letta.llm.catalog import Catalog
from letta.llm.provider import Provider
from letta.organizations.actor import Actor
from letta.testing.scripted_model import ScriptedModel
from letta.tools.service import ensure_builtin_tools

MODEL = "openai-proxy/gpt-4o-mini"
MODELS = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5-mini"]

NewAgent = Callable[..., AgentState]
Change = Callable[..., AgentState]
NewBlock = Callable[..., Block]


@pytest.fixture(scope="session")
def catalog() -> Iterator[Catalog]:
    with ScriptedModel(models=MODELS) as model:
        provider = Provider("openai", "openai", model.base_url, "openai-proxy", SecretStr("sk-test"))
        known = Catalog([provider])
        asyncio.run(known.refresh())
        yield known


@pytest.fixture
def new_agent(database: Database, actor: Actor, catalog: Catalog) -> NewAgent:
    """Stores an agent; everything but the model has its default."""
    database.run_sync(ensure_builtin_tools, actor)

    def make(**fields: Any) -> AgentState:
        body = CreateAgent.model_validate({"model": MODEL} | fields)
        return database.run_sync(create_agent, actor, catalog, body)

    return make


@pytest.fixture
def change(database: Database, actor: Actor, catalog: Catalog) -> Change:
    """Changes an agent as a PATCH does."""

    def apply(agent_id: str, **fields: Any) -> AgentState:
        return database.run_sync(update_agent, actor, catalog, agent_id, UpdateAgent.model_validate(fields))

    return apply


@pytest.fixture
def stored_block(database: Database, actor: Actor) -> NewBlock:
    """Stores a block that belongs to no agent."""

    def make(**fields: Any) -> Block:
        return database.run_sync(create_block, actor, new_block(**({"label": "notes", "value": "v"} | fields)))

    return make
