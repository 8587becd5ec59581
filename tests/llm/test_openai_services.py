"""Chat completions, and what each compatible service wants to be different."""

from typing import Any

import pytest
from pydantic import SecretStr

from letta.llm.chat import request_body
from letta.llm.errors import LlmInsufficientCreditsError, LlmTimeoutError
from letta.llm.provider import Provider
from letta.llm.reasoning_details import merged
from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from tests.llm.conftest import Service, assistant, joined, returned, service_of, system, user


@pytest.fixture
def gpt(model: ScriptedModel) -> Service:
    return service_of("openai", model.base_url, "gpt-4o-mini", model)


def body_of(kind: str, model: str = "some-model", **config: Any) -> dict[str, Any]:
    service = service_of(kind, "http://127.0.0.1:9/v1", model, ScriptedModel())
    return request_body(service.request([system(), user("Hi")], config=config))


def test_which_service_is_asked_how() -> None:
    assert "input" in body_of("openai", "o3-mini")
    assert "messages" in body_of("openai", "gpt-4o")
    assert "contents" in body_of("google_ai", "gemini-3.8-flash")
    assert body_of("anthropic", "claude-opus-5")["system"][0]["text"] == "Be kind."
    assert "input" not in body_of("azure", "gpt-5")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("openai", "max_completion_tokens"), ("groq", "max_completion_tokens"), ("ollama", "max_tokens")],
)
def test_the_limit_has_the_name_that_the_service_knows(kind: str, name: str) -> None:
    assert body_of(kind)[name] == 2000


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("zai", {}, {"thinking": {"type": "enabled"}}),
        ("zai", {"enable_reasoner": False}, {"thinking": {"type": "disabled"}}),
        ("openrouter", {}, {"reasoning": {"enabled": True}}),
        ("openrouter", {"max_reasoning_tokens": 900}, {"reasoning": {"max_tokens": 900}}),
        ("openrouter", {"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}),
        ("openrouter", {"enable_reasoner": False}, {}),
        ("groq", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ("groq", {}, {}),
        ("openai", {"reasoning_effort": "low"}, {}),
    ],
)
def test_how_long_to_think(kind: str, config: dict[str, Any], expected: dict[str, Any]) -> None:
    body = body_of(kind, **config)
    sent = {name: body[name] for name in ("thinking", "reasoning", "reasoning_effort") if name in body}
    assert sent == expected


def test_reasoning_models_on_azure() -> None:
    body = body_of("azure", "gpt-5-mini", reasoning_effort="low", verbosity="high")
    assert (body["reasoning_effort"], body["verbosity"]) == ("low", "high")
    assert "temperature" not in body
    assert body["messages"][0]["role"] == "developer"


def test_strict_tools() -> None:
    function = body_of("openai", strict=True)["tools"][0]["function"]
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False


@pytest.mark.parametrize(("kind", "back"), [("deepseek", True), ("openai", False)])
async def test_thoughts_go_back_to_services_that_want_them(model: ScriptedModel, kind: str, *, back: bool) -> None:
    service = service_of(kind, model.base_url, "some-model", model)
    script = model.script(Reply(reasoning="I shall add.", calls=[Call("add", {})]), Reply("4"))
    history = [user(script.say())]
    result = await service.ask(history)
    history += [assistant(result, "some-model"), returned(result.tool_calls[0]["id"])]
    await service.ask(history)
    assert service.body["messages"][1].get("reasoning_content") == ("I shall add." if back else None)


async def test_openrouters_details_go_back_as_they_came(model: ScriptedModel) -> None:
    service = service_of("openrouter", model.base_url, "google/gemini-3", model)
    details = [{"type": "reasoning.encrypted", "data": "opaque", "index": 0}]
    script = model.script(Reply("Hello."), Reply("Bye."))
    history = [user(script.say())]
    answer = assistant(await service.ask(history), "google/gemini-3")
    answer.content.insert(0, {"type": "omitted_reasoning", "signature": None, "details": details})
    await service.ask([*history, answer, user("And?")])
    assert service.body["messages"][1]["reasoning_details"] == details


def test_pieces_of_openrouters_details_are_joined() -> None:
    pieces = [
        {"type": "reasoning.text", "index": 0, "text": "I ", "signature": None},
        {"type": "reasoning.text", "index": 0, "text": "think."},
        {"type": "reasoning.text", "index": 0, "signature": "sig"},
        {"type": "reasoning.encrypted", "index": 1, "data": "opaque"},
    ]
    assert merged(pieces) == [
        {"type": "reasoning.text", "index": 0, "text": "I think.", "signature": "sig"},
        {"type": "reasoning.encrypted", "index": 1, "data": "opaque"},
    ]


async def test_a_stream_adds_up_to_the_whole_answer(gpt: Service) -> None:
    calls = [Call("add", {"a": 1, "b": 2}, id="call_1")]
    script = gpt.script.script(Reply("Let me add.", reasoning="One and two.", calls=calls))
    deltas, streamed = await gpt.stream([user(script.say())])
    whole = await gpt.ask([user(script.say())])
    assert (streamed.content, streamed.tool_calls) == (whole.content, whole.tool_calls)
    assert joined(deltas, "text") == "Let me add."


@pytest.mark.parametrize("version", [None, "2025-04-01-preview"])
async def test_azure(model: ScriptedModel, version: str | None) -> None:
    provider = Provider("azure", "azure", model.url, "azure", SecretStr("sk-1"), version)
    service = Service(provider, "my-deployment", model)
    await service.ask([user("Hi")])
    path = "/openai/deployments/my-deployment/chat/completions" if version else "/openai/v1/chat/completions"
    assert model.requests()[-1].path == path
    assert model.requests()[-1].used_key("sk-1")


async def test_an_empty_account(gpt: Service) -> None:
    script = gpt.script.script(Reply(error=Failure("quota")))
    with pytest.raises(LlmInsufficientCreditsError):
        await gpt.ask([user(script.say())])


async def test_a_stream_that_takes_too_long(gpt: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes in time, but the answer as a whole doesn't."""
    monkeypatch.setattr("letta.llm.deadline.settings.llm_stream_timeout_seconds", 0.3)
    script = gpt.script.script(Reply("one " * 50, chunk_delay=0.05))
    with pytest.raises(LlmTimeoutError, match="LETTA_LLM_STREAM_TIMEOUT_SECONDS"):
        await gpt.stream([user(script.say())])
