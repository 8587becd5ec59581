"""Asking a scripted model through the adapters, over real HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest, ChatResult, Delta, chat
from letta.llm.clients import close_clients
from letta.llm.provider import Provider
from letta.messages.message import Message, text_content
from letta.testing.scripted_model import ScriptedModel

ADD: JsonObject = {
    "name": "add",
    "description": "Add two numbers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
CONFIG: JsonObject = {"temperature": 0.5, "max_tokens": 2000, "enable_reasoner": True, "parallel_tool_calls": True}


def system(text: str = "Be kind.") -> Message:
    return Message("system", "agent-1", "conv-1", content=text_content(text))


def user(*content: str | JsonObject) -> Message:
    parts = [part if isinstance(part, dict) else text_content(part)[0] for part in content]
    return Message("user", "agent-1", "conv-1", content=parts)


def assistant(result: ChatResult, model: str) -> Message:
    """An answer as it is stored."""
    return Message(
        "assistant",
        "agent-1",
        "conv-1",
        content=result.content,
        tool_calls=result.tool_calls or None,
        model=model,
    )


def returned(*call_ids: str, status: Literal["success", "error"] = "success", value: Any = "4") -> Message:
    returns = [{"tool_call_id": each, "name": "add", "status": status, "tool_return": value} for each in call_ids]
    return Message("tool", "agent-1", "conv-1", tool_returns=returns)


@dataclass
class Service:
    """A provider of the scripted model, and one of its models."""

    provider: Provider
    model: str
    script: ScriptedModel
    config: JsonObject = field(default_factory=dict)

    def request(self, messages: list[Message], **options: Any) -> ChatRequest:
        config = CONFIG | {"model": self.model, "model_endpoint_type": self.provider.type} | self.config
        options.setdefault("tools", [ADD])
        if options["tools"]:
            options.setdefault("tool_choice", "auto")
        return ChatRequest(config=config | options.pop("config", {}), messages=messages, **options)

    async def ask(self, messages: list[Message], **options: Any) -> ChatResult:
        return (await self.stream(messages, stream=False, **options))[1]

    async def stream(
        self, messages: list[Message], *, stream: bool = True, **options: Any
    ) -> tuple[list[Delta], ChatResult]:
        """The pieces of the answer, and the whole of it."""
        deltas: list[Delta] = []
        async for item in chat(self.request(messages, stream=stream, **options), self.provider):
            if isinstance(item, ChatResult):
                return deltas, item
            deltas.append(item)
        raise AssertionError("the answer has no end")

    @property
    def body(self) -> Any:
        """What was sent last."""
        return self.script.requests()[-1].body


def service_of(kind: str, base_url: str, model: str, script: ScriptedModel, *, key: str = "sk-1") -> Service:
    return Service(Provider(kind, kind, base_url, kind, SecretStr(key)), model, script)


def joined(deltas: list[Delta], kind: str) -> str:
    return "".join(delta.text for delta in deltas if delta.kind == kind)


@pytest.fixture(autouse=True)
async def _no_connections_left() -> AsyncIterator[None]:
    """Clients belong to the event loop of one test."""
    yield
    await close_clients()
