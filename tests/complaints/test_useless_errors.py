"""Errors of the former server were stack traces, blamed the wrong thing, or said nothing at all."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]
Request = Callable[[httpx2.Client, AgentTalk], httpx2.Response]

UNKNOWN = "agent-123e4567-e89b-42d3-8456-426614174000"
NEW = {"model": "openai-proxy/gpt-4o-mini"}


def get(path: str, **params: str) -> Request:
    return lambda http, talk: http.get(path.format(talk=talk.path), params=params)


def post(path: str, body: Json) -> Request:
    return lambda http, talk: http.post(path.format(talk=talk.path), json=body)


WRONG: dict[str, Request] = {
    "unknown agent": get(f"/v1/agents/{UNKNOWN}"),
    "malformed id": get("/v1/agents/mine"),
    "unknown model": post("/v1/agents", {"model": "openai-proxy/nothing"}),
    "no model": post("/v1/agents", {"name": "Nobody"}),
    "missing field": post("/v1/blocks", {"value": "x"}),
    "wrong type": post("/v1/blocks", {"label": "x", "value": 5}),
    "no JSON": lambda http, _: http.post("/v1/blocks", content=b"{", headers={"content-type": "application/json"}),
    "unknown block": post("/v1/agents", NEW | {"block_ids": [UNKNOWN.replace("agent", "block")]}),
    "value too long": post("/v1/blocks", {"label": "x", "value": "too long", "limit": 3}),
    "empty message": post("{talk}", {}),
    "unknown cursor": get("{talk}", before=UNKNOWN.replace("agent", "message")),
    "unknown tool": post("/v1/agents", NEW | {"tools": ["nothing"]}),
    "unsuited source": post("/v1/tools", {"source_code": "1 +"}),
    "private address": post("{talk}/async", {"input": "x", "callback_url": "http://10.0.0.1"}),
}


@pytest.fixture(scope="module")
def talk(server: ServerProcess) -> Iterator[AgentTalk]:
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http:
        yield AgentTalk(http)


@pytest.mark.parametrize("what", WRONG)
def test_errors_say_in_a_sentence_what_is_wrong(http: httpx2.Client, talk: AgentTalk, what: str) -> None:
    answer = WRONG[what](http, talk)
    assert answer.status_code in {400, 404, 422}, answer.text
    assert answer.headers["content-type"] == "application/json"
    detail = answer.json()["detail"]
    assert isinstance(detail, str)
    assert len(detail) > 15
    for noise in ("Traceback", "sqlalchemy", "psycopg2", "pydantic", "<class", "object at 0x", 'File "'):
        assert noise not in answer.text


@pytest.mark.parametrize("path", ["/v1/agents", f"/v1/agents/{UNKNOWN}", "/v1/nothing", "/v1/agents/mine", "/docs"])
def test_every_answer_names_itself_so_that_it_can_be_found_in_the_log(http: httpx2.Client, path: str) -> None:
    first, second = http.get(path), http.get(path)
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert http.get(path, headers={"x-request-id": "asked-by-ada"}).headers["x-request-id"] == "asked-by-ada"


FAILURES = {
    "auth": (401, "llm_authentication"),
    "rate_limit": (429, "llm_rate_limit"),
    "quota": (402, "llm_insufficient_credits"),
    "bad_request": (400, "llm_bad_request"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_what_a_provider_says_is_passed_on_in_its_own_words(
    http: httpx2.Client, model: ScriptedModel, kind: Any
) -> None:
    """A 401 of one provider was told as that of another, with advice about an address nobody had asked for."""
    status, error_type = FAILURES[kind]
    words = "The dog ate the request."
    talk = AgentTalk(http)
    answer = talk.post({"input": model.script(Reply(error=Failure(kind, message=words, retry_after=None))).say()})
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["type"] == error_type
    assert words in error["detail"]
    assert "letta-free" not in answer.text
    run = http.get("/v1/runs", params={"agent_id": talk.id}).json()[0]
    assert run["status"] == "failed"
    assert words in str(run["metadata"])
    streamed = talk.stream(input=model.script(Reply(error=Failure(kind, message=words, retry_after=None))).say())
    (told,) = [message for message in streamed if message.get("message_type") == "error_message"]
    assert words in told["detail"]


def test_one_bad_message_does_not_poison_every_later_one(http: httpx2.Client, model: ScriptedModel) -> None:
    """An empty answer of a model was stored, and refused by its provider from then on."""
    talk = AgentTalk(http)
    for reply in (Reply(""), Reply("  "), Reply(error=Failure("bad_request")), Reply(error=Failure("malformed"))):
        talk.post({"input": model.script(reply).say()})
    script = model.script(Reply("All is well."))
    assert talk.say(script.say("Still there?"))["messages"][-1]["content"] == "All is well."


def test_at_the_start_there_is_a_line_for_each_provider(server: ServerProcess) -> None:
    log = server.wait_logged("Letta server is up")
    assert re.search(r"^\S*openai\S*: \d+ models? at http://127\.0\.0\.1", log, re.MULTILINE)
