"""Agents as models: how a request names one."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from letta.completions import repository
from letta.completions.errors import OpenAIError
from letta.completions.schemas import OpenAIModel
from letta.database.engine import Database
from letta.database.ids import id_pattern
from letta.errors import NotFoundError
from letta.organizations.actor import Actor

MOST_MODELS = 1000
_AGENT_ID = re.compile(id_pattern("agent"))


async def agent_id_of(database: Database, actor: Actor, model: str) -> str:
    """The id of the agent that a request asks. What has the form of an id isn't looked up.

    Raises:
        OpenAIError: no agent has that name, or several have it.
    """
    return model if _AGENT_ID.match(model) else (await find_model(database, actor, model)).id


@asynccontextmanager
async def naming_the_model(database: Database, actor: Actor, model: str) -> AsyncIterator[None]:
    """If something isn't found because the agent isn't there, tell it of the model.

    Raises:
        OpenAIError: there is no such agent.
    """
    try:
        yield
    except NotFoundError:
        await find_model(database, actor, model)
        raise


async def find_model(database: Database, actor: Actor, model: str) -> OpenAIModel:
    """An agent by its id or name.

    Raises:
        OpenAIError: there is none, or several have that name.
    """
    found = await database.read(repository.find_models, actor, model)
    if not found:
        raise OpenAIError(
            f"There is no agent '{model[:200]}'. Use the id or the name of an agent as model; GET /openai/v1/models "
            "lists them.",
            param="model",
            code="model_not_found",
            status=404,
        )
    if len(found) > 1:
        raise OpenAIError(f"Several agents are named '{model}'. Use the id of one of them as model.", param="model")
    return found[0]
