"""The catalog, asking real HTTP endpoints."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from letta.constants import DEFAULT_CONTEXT_WINDOW
from letta.errors import InvalidArgumentError, NotFoundError
from letta.llm.catalog import Catalog
from letta.llm.provider import Provider
from letta.settings import Settings
from letta.testing.scripted_model import Failure, ScriptedModel
from tests.support.http_server import Answer, Answering, Request, in_json

KEY = SecretStr("sk-secret")


class JsonServer(Answering):
    """Answers each path with a fixed JSON value, and 404 elsewhere; remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        super().__init__(self._known)
        self.answers = dict(answers)

    def _known(self, request: Request) -> Answer:
        key = request.path if request.method == "GET" else f"{request.path} {request.json()['model']}"
        answer = self.answers.get(key)
        return in_json(answer, 404 if answer is None else 200)


def provider(kind: str, base_url: str, *, prefix: str | None = None, name: str | None = None) -> Provider:
    return Provider(name or kind, kind, base_url, prefix or kind, KEY)


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as scripted:
        yield scripted


def proxy(model: ScriptedModel) -> Provider:
    return provider("openai", model.base_url, prefix="openai-proxy")


async def test_models_behind_another_address_are_proxied(model: ScriptedModel) -> None:
    catalog = Catalog([proxy(model)])
    (report,) = await catalog.refresh()

    assert report.reachable
    assert str(report) == f"openai: 4 models at {model.base_url}"
    assert [found.handle for found in catalog.llms()] == [
        "openai-proxy/gpt-4.1",
        "openai-proxy/gpt-4.1-mini",
        "openai-proxy/gpt-4o",
        "openai-proxy/gpt-4o-mini",
    ]
    found = catalog.llm("openai-proxy/gpt-4.1")
    assert (found.name, found.provider_name, found.context_window) == ("gpt-4.1", "openai", 1047576)
    assert found.endpoint == model.base_url
    assert catalog.provider("openai").api_key is KEY


async def test_the_key_is_sent_and_a_refused_one_reported(model: ScriptedModel) -> None:
    bad = Provider("openai", "openai", model.base_url, "openai-proxy", SecretStr("bad-key"))
    (report,) = await Catalog([bad]).refresh()

    assert not report.reachable
    assert "401" in str(report)
    assert "OPENAI_API_KEY" in str(report)
    assert "bad-key" not in str(report)


def test_openais_embedding_models_are_known_at_once() -> None:
    catalog = Catalog([provider("openai", "http://127.0.0.1:9/v1", prefix="openai-proxy")])

    assert {found.handle: found.dimensions for found in catalog.embeddings()} == {
        "openai/text-embedding-3-small": 1536,
        "openai/text-embedding-3-large": 3072,
        "openai/text-embedding-ada-002": 1536,
    }
    assert catalog.embedding("openai/text-embedding-3-small").endpoint == "http://127.0.0.1:9/v1"


async def test_an_unknown_handle_names_the_known_ones() -> None:
    models = [f"model-{number:02}" for number in range(20)]
    with ScriptedModel(models=models) as model:
        catalog = Catalog([proxy(model)])
        await catalog.refresh()

        with pytest.raises(NotFoundError, match="no model 'openai-proxy/nope'") as caught:
            catalog.llm("openai-proxy/nope")
        assert "openai-proxy/model-14" in caught.value.detail
        assert "openai-proxy/model-15" not in caught.value.detail
        assert "and 5 more" in caught.value.detail
        with pytest.raises(InvalidArgumentError, match="text-embedding-3-small"):
            catalog.embedding("openai/nope")


@pytest.mark.parametrize("handle", ["gpt-4o", "/gpt-4o", "openai/", ""])
def test_a_handle_needs_provider_and_model(handle: str) -> None:
    with pytest.raises(InvalidArgumentError, match="<provider>/<model>"):
        Catalog([]).llm(handle)
    with pytest.raises(InvalidArgumentError, match="<provider>/<model>"):
        Catalog([]).embedding(handle)


def test_without_providers_the_way_to_configure_one_is_told() -> None:
    with pytest.raises(NotFoundError, match="Set OPENAI_API_KEY"):
        Catalog([]).llm("openai/gpt-4o")
    with pytest.raises(NotFoundError, match="Set GROQ_API_KEY"):
        Catalog([]).provider("groq")


async def test_nothing_is_asked_without_providers() -> None:
    assert await Catalog([]).refresh() == []


async def test_a_provider_that_is_down_does_not_hide_the_others(model: ScriptedModel) -> None:
    down = provider("ollama", "http://user:pass@127.0.0.1:9/v1")
    catalog = Catalog([down, proxy(model)])
    reports = {report.provider: report for report in await catalog.refresh()}

    assert reports["openai"].models == 4
    assert not reports["ollama"].reachable
    assert "http://127.0.0.1:9/v1 can't be reached" in str(reports["ollama"])
    assert "OLLAMA_BASE_URL" in str(reports["ollama"])
    assert "pass" not in str(reports["ollama"])


async def test_a_provider_that_comes_up_later_is_found() -> None:
    model = ScriptedModel()
    model.start()
    catalog = Catalog([proxy(model)], requery_seconds=0)
    model.fail("models", Failure("server"))
    await catalog.refresh()
    assert catalog.llms() == []

    with pytest.raises(NotFoundError):
        await catalog.resolve_llm("openai-proxy/gpt-4o")
    model.fail("models", None)
    assert (await catalog.resolve_llm("openai-proxy/gpt-4o")).name == "gpt-4o"
    model.stop()


async def test_a_provider_is_not_asked_again_too_soon(model: ScriptedModel) -> None:
    catalog = Catalog([proxy(model)])
    await catalog.refresh()
    for _ in range(3):
        with pytest.raises(NotFoundError):
            await catalog.resolve_llm("openai-proxy/nope")
    await catalog.refresh_unreachable()
    assert len(model.requests(path="models")) == 1

    await catalog.refresh()
    assert len(model.requests(path="models")) == 2


async def test_requests_for_one_new_model_ask_once() -> None:
    with JsonServer({"/v1/models": {"data": []}}) as server:
        catalog = Catalog([provider("vllm", f"{server.url}/v1")], requery_seconds=0.5)
        await catalog.refresh()
        await asyncio.sleep(0.6)
        server.answers["/v1/models"] = {"data": [{"id": "new"}]}
        found = await asyncio.gather(*(catalog.resolve_llm("vllm/new") for _ in range(5)))
    assert {model.handle for model in found} == {"vllm/new"}
    assert server.paths == ["/v1/models"] * 2


async def test_only_the_provider_of_a_handle_is_asked(model: ScriptedModel) -> None:
    catalog = Catalog([proxy(model)], requery_seconds=0)
    await catalog.refresh()
    with pytest.raises(NotFoundError):
        await catalog.resolve_llm("groq/llama")
    assert len(model.requests(path="models")) == 1


async def test_an_outage_later_on_forgets_nothing(model: ScriptedModel) -> None:
    catalog = Catalog([proxy(model)])
    await catalog.refresh()
    model.fail("models", Failure("server"))
    (report,) = await catalog.refresh()

    assert not report.reachable
    assert catalog.llm("openai-proxy/gpt-4o").name == "gpt-4o"


async def test_providers_without_a_list_take_any_name() -> None:
    with JsonServer({}) as server:
        catalog = Catalog([provider("openai", f"{server.url}/v1", prefix="openai-proxy")])
        (report,) = await catalog.refresh()

    assert "every name is accepted" in str(report)
    assert catalog.llm("openai-proxy/gpt-4o").context_window == 128_000
    with pytest.raises(NotFoundError):
        catalog.llm("openai/gpt-4o")


@pytest.mark.parametrize("body", ["text", {"data": "text"}, {"models": []}, 5])
async def test_answers_that_are_no_list_are_reported(body: object) -> None:
    with JsonServer({"/v1/models": body}) as server:
        (report,) = await Catalog([provider("vllm", f"{server.url}/v1")]).refresh()
    assert not report.reachable
    assert "not a list of models" in str(report)
    assert "VLLM_API_BASE" in str(report)


@pytest.mark.parametrize(
    ("kind", "entry", "window", "output"),
    [
        ("vllm", {"id": "qwen", "max_model_len": 40960}, 40960, None),
        ("groq", {"id": "llama", "context_window": 131072, "max_completion_tokens": 32768}, 131072, 32768),
        (
            "openrouter",
            {"id": "a/b", "context_length": 200000, "top_provider": {"max_completion_tokens": 64000}},
            200000,
            64000,
        ),
        ("together", {"id": "x", "type": "chat", "context_length": 8192}, 8192, None),
        ("fireworks", {"id": "accounts/f/models/x", "context_length": 65536, "supports_chat": True}, 65536, None),
        ("deepseek", {"id": "deepseek-chat"}, 128000, 8192),
        ("xai", {"id": "grok-4-0709"}, 256000, None),
        ("vllm", {"id": "mystery", "max_model_len": True, "context_length": -1}, DEFAULT_CONTEXT_WINDOW, None),
    ],
)
async def test_windows_are_those_that_providers_tell(
    kind: str, entry: dict[str, object], window: int, output: int | None
) -> None:
    with ScriptedModel(models=[entry]) as model:
        catalog = Catalog([provider(kind, model.base_url)])
        await catalog.refresh()
    found = catalog.llm(f"{kind}/{entry['id']}")
    assert (found.context_window, found.max_output_tokens, found.endpoint_type) == (window, output, kind)


async def test_a_bare_list_is_read_as_well() -> None:
    with JsonServer({"/v1/models": [{"id": "x", "type": "chat"}, {"id": "y", "type": "image"}, "junk", {}]}) as server:
        catalog = Catalog([provider("together", f"{server.url}/v1")])
        await catalog.refresh()
    assert [found.handle for found in catalog.llms()] == ["together/x"]


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "whisper-large-v3"},
        {"id": "text-embedding-3-small"},
        {"id": "x", "active": False},
        {"id": "x", "supports_chat": False},
        {"id": "x", "type": "moderation"},
        {"id": "x", "type": "embedding"},
    ],
)
async def test_what_cannot_chat_is_left_out(entry: dict[str, object]) -> None:
    with ScriptedModel(models=[entry]) as model:
        catalog = Catalog([provider("groq", model.base_url)])
        await catalog.refresh()
    assert catalog.llms() == []


async def test_lm_studio_tells_what_is_loaded() -> None:
    listed = [
        {"id": "qwen3-8b", "type": "llm", "max_context_length": 40960, "loaded_context_length": 8192},
        {"id": "seeing", "type": "vlm", "max_context_length": 32768},
        {"id": "text-embedding-nomic-embed-text-v1.5", "type": "embeddings"},
        {"id": "text-embedding-strange", "type": "embeddings"},
    ]
    with JsonServer({"/api/v0/models": {"data": listed}}) as server:
        catalog = Catalog([provider("lmstudio_openai", f"{server.url}/v1")])
        await catalog.refresh()
    assert {found.handle: found.context_window for found in catalog.llms()} == {
        "lmstudio_openai/qwen3-8b": 8192,
        "lmstudio_openai/seeing": 32768,
    }
    assert {found.handle: found.dimensions for found in catalog.embeddings()} == {
        "lmstudio_openai/text-embedding-nomic-embed-text-v1.5": 768,
        "lmstudio_openai/text-embedding-strange": 1536,
    }
    assert {found.endpoint_type for found in catalog.embeddings()} == {"lmstudio"}


async def test_an_older_lm_studio_lists_names_alone() -> None:
    with JsonServer({"/v1/models": {"data": [{"id": "qwen2.5-7b"}]}}) as server:
        catalog = Catalog([provider("lmstudio_openai", f"{server.url}/v1")])
        await catalog.refresh()
    assert catalog.llm("lmstudio_openai/qwen2.5-7b").context_window == 32768


async def test_ollama_is_asked_about_each_model() -> None:
    answers = {
        "/api/tags": {"models": [{"model": "llama3.2:3b"}, {"model": "small"}, {"model": "bge-m3"}, {"model": "gone"}]},
        "/api/show llama3.2:3b": {
            "capabilities": ["completion", "tools"],
            "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
        },
        "/api/show small": {
            "parameters": "stop    x\nnum_ctx                        16384\n",
            "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
        },
        "/api/show bge-m3": {
            "capabilities": ["embedding"],
            "model_info": {"general.architecture": "bert", "bert.embedding_length": 1000},
        },
    }
    with JsonServer(answers) as server:
        catalog = Catalog([provider("ollama", f"{server.url}/v1")])
        await catalog.refresh()
    assert {found.name: found.context_window for found in catalog.llms()} == {
        "gone": DEFAULT_CONTEXT_WINDOW,
        "llama3.2:3b": 131072,
        "small": 16384,
    }
    assert (await catalog.resolve_embedding("ollama/bge-m3")).dimensions == 1000


async def test_an_ollama_behind_a_proxy_takes_any_name() -> None:
    with JsonServer({}) as server:
        catalog = Catalog([provider("ollama", f"{server.url}/v1")])
        await catalog.refresh()
    assert catalog.llm("ollama/llama3.2:3b").name == "llama3.2:3b"


def test_the_environment_names_the_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "k")
    assert "groq" in [each.name for each in Catalog.from_settings(Settings()).providers()]


async def test_a_new_ollama_model_is_found_when_it_is_wanted() -> None:
    with JsonServer({"/api/tags": {"models": []}}) as server:
        catalog = Catalog([provider("ollama", f"{server.url}/v1")], requery_seconds=0)
        await catalog.refresh()
        server.answers["/api/tags"] = {"models": [{"model": "embeddinggemma"}]}
        assert (await catalog.resolve_embedding("ollama/embeddinggemma")).dimensions == 768


async def test_claude_models(model: ScriptedModel) -> None:
    claude = provider("anthropic", f"{model.anthropic_url}/v1")
    catalog = Catalog([claude])
    (report,) = await catalog.refresh()

    assert report.reachable
    found = catalog.llm("anthropic/claude-haiku-4-5")
    assert (found.endpoint_type, found.context_window, found.max_output_tokens) == ("anthropic", 200_000, 64_000)
    assert found.reasoning
    assert model.requests()[-1].used_key(KEY.get_secret_value())


async def test_gemini_models_that_can_be_talked_to(model: ScriptedModel) -> None:
    catalog = Catalog([provider("google_ai", model.google_url)])
    await catalog.refresh()

    assert [found.handle for found in catalog.llms()] == ["google_ai/gemini-2.5-flash", "google_ai/gemini-3.8-flash"]
    found = catalog.llm("google_ai/gemini-3.8-flash")
    assert (found.endpoint_type, found.context_window, found.max_output_tokens) == ("google_ai", 1_048_576, 65_536)
    assert model.requests()[-1].used_key(KEY.get_secret_value())


async def test_azure_offers_what_was_deployed() -> None:
    deployed = [{"id": "my-gpt", "model": "gpt-4o"}, {"id": "my-vectors", "model": "text-embedding-3-small"}]
    path = "/openai/deployments?api-version=2023-03-15-preview"
    with JsonServer({path: {"data": deployed}}) as server:
        catalog = Catalog([provider("azure", server.url)])
        await catalog.refresh()
        assert [found.handle for found in catalog.llms()] == ["azure/my-gpt"]
        assert [(found.handle, found.dimensions) for found in catalog.embeddings()] == [("azure/my-vectors", 1536)]


async def test_azure_may_not_tell_what_was_deployed() -> None:
    with JsonServer({}) as server:
        catalog = Catalog([provider("azure", server.url)])
        await catalog.refresh()
        assert catalog.llm("azure/whatever").name == "whatever"
