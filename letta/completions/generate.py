"""Asking an agent's model something outside any conversation."""

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.agents.model_config import handles_of
from letta.agents.repository import get_agent
from letta.completions.schemas import GenerateRequest, GenerateResponse
from letta.llm.chat import ChatRequest, ChatResult, chat
from letta.llm.errors import LlmEmptyResponseError
from letta.messages.message import Message, text_content
from letta.messages.schemas import UsageStatistics
from letta.organizations.actor import Actor
from letta.server.server import SyncServer
from letta.turn.models import config_for


async def generate(server: SyncServer, actor: Actor, agent_id: str, request: GenerateRequest) -> GenerateResponse:
    """The model's answer to a prompt. Nothing is stored.

    Raises:
        NotFoundError: no such agent, or no such model.
        LlmError: the provider failed.
    """
    agent = await server.database.read(_agent, actor, agent_id)
    config = agent.llm_config
    catalog = await server.catalogs.of(actor.organization_id, *handles_of(config), request.override_model)
    if request.override_model is not None:
        config = config_for(config, await catalog.resolve_llm(request.override_model))
    asked = ChatRequest(
        config=config,
        messages=_messages(agent, request),
        tools=[],
        response_format=_response_format(request),
        user=actor.user_id,
    )
    async for item in chat(asked, catalog.provider(config["provider_name"])):
        if isinstance(item, ChatResult):
            return GenerateResponse(content=_text(item), model=config["model"], usage=_usage(item))
    raise LlmEmptyResponseError("The provider ended its answer before it was complete. Try again.")


def _agent(connection: Connection, actor: Actor, agent_id: str) -> Agent:
    return get_agent(connection, actor, agent_id).agent


def _messages(agent: Agent, request: GenerateRequest) -> list[Message]:
    texts = [("system", request.system_prompt), ("user", request.prompt)]
    return [
        Message("system" if role == "system" else "user", agent.id, "", content=text_content(text))
        for role, text in texts
        if text
    ]


def _response_format(request: GenerateRequest) -> dict[str, object] | None:
    if request.response_schema is None:
        return None
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": request.response_schema}}


def _text(result: ChatResult) -> str:
    return "".join(part["text"] for part in result.content if part["type"] == "text")


def _usage(result: ChatResult) -> UsageStatistics:
    usage = result.usage
    return UsageStatistics(
        completion_tokens=usage.completion_tokens, prompt_tokens=usage.prompt_tokens, total_tokens=usage.total_tokens
    )
