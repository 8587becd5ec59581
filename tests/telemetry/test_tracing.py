"""Traces of a running server, as a collector receives them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess, free_port
from tests.talking import AgentTalk
from tests.telemetry.receiver import Receiver, attributes

pytestmark = pytest.mark.slow

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
INCOMING = {"traceparent": f"00-{TRACE}-{PARENT}-01", "baggage": "secret=1", "x-request-id": "mine-3"}
PRIVATE = "what nobody else may know"

Environment = dict[str, str]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def traced(server_environment: Environment, receiver: Receiver) -> Environment:
    for kept in (receiver.asked, receiver.resources, receiver.spans):
        kept.clear()
    return {
        **server_environment,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20abc",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
        "LETTA_LOG_FORMAT": "json",
    }


def talk_once(environment: Environment, model: ScriptedModel, *replies: Reply) -> tuple[str, str]:
    """A turn on a server of its own, which sends what it has when it ends. Returns its log, and the agent's id."""
    with ServerProcess(environment) as server:
        with httpx2.Client(base_url=server.url, trust_env=False, timeout=60) as http:
            talk = AgentTalk(http, include_base_tools=True)
            text = model.script(*replies).say(PRIVATE)
            http.post(talk.path, json={"input": text}, headers=INCOMING)
            http.get(f"/v1/agents/{talk.id}/archival-memory/search", params={"query": PRIVATE})
            http.get("/v1/health/")
            http.get("/metrics")
        assert server.terminate() == 0
        return server.log, talk.id


def test_a_turn_is_one_trace_from_the_request_to_the_database(
    traced: Environment, receiver: Receiver, model: ScriptedModel
) -> None:
    search = Call("conversation_search", {"query": PRIVATE})
    _, agent = talk_once(traced, model, Reply(calls=[search]), Reply("Done."))

    mine = {span.span_id: span for span in receiver.spans if span.trace_id.hex() == TRACE}
    (request,) = [span for span in mine.values() if span.name == "POST /v1/agents/{agent_id}/messages"]
    assert request.parent_span_id.hex() == PARENT
    assert attributes(request)["http.response.status_code"] == 200
    assert attributes(request)["letta.request.id"] == "mine-3"
    (turn,) = [span for span in mine.values() if span.name == "invoke_agent"]
    assert mine[turn.parent_span_id].name == request.name
    told = attributes(turn)
    assert (told["gen_ai.agent.id"], told["letta.status"], told["letta.stop_reason"]) == (
        agent,
        "completed",
        "end_turn",
    )
    calls = [span for span in mine.values() if span.name == "chat gpt-4o-mini"]
    assert [mine[call.parent_span_id].name for call in calls] == ["invoke_agent"] * 2
    assert all(attributes(call)["gen_ai.usage.input_tokens"] == 100 for call in calls)
    (tool,) = [span for span in mine.values() if span.name == "execute_tool"]
    assert attributes(tool)["gen_ai.tool.name"] == "conversation_search"
    assert mine[tool.parent_span_id].name == "invoke_agent"
    units = {span.name: mine[span.parent_span_id].name for span in mine.values() if span.name.startswith("database ")}
    assert units["database begin_turn"] == request.name
    assert units["database commit_answer"] == "invoke_agent"
    assert units["database conversation_search"] == "execute_tool"


def test_it_is_sent_as_the_standard_variables_say(
    traced: Environment, receiver: Receiver, model: ScriptedModel
) -> None:
    talk_once(traced, model, Reply("Done."))
    path, headers = receiver.asked[0].path, receiver.asked[0].headers
    assert (path, headers["authorization"]) == ("/v1/traces", "Basic abc")
    resource = receiver.resources[0]
    assert (resource["service.name"], resource["deployment.environment"]) == ("letta", "test")


def test_what_people_say_isnt_told_and_probes_make_no_traces(
    traced: Environment, receiver: Receiver, model: ScriptedModel
) -> None:
    talk_once(traced, model, Reply("Done."))
    assert PRIVATE not in str(receiver.spans)
    (search,) = receiver.named("GET /v1/agents/{agent_id}/archival-memory/search")
    assert attributes(search)["url.query"] == "query"
    paths = {attributes(span).get("url.path") for span in receiver.spans}
    assert not paths & {"/v1/health", "/v1/health/", "/metrics"}
    # What goes on in the background, such as looking for lost runs, is part of no request.
    roots = {span.name for span in receiver.spans if not span.parent_span_id}
    assert {name.split(" ")[0] for name in roots} <= {"GET", "POST"}


def test_a_failed_call_says_what_failed(traced: Environment, receiver: Receiver, model: ScriptedModel) -> None:
    talk_once(traced, model, Reply(error=Failure("auth")))
    (call,) = receiver.named("chat ")
    assert attributes(call)["error.type"] == "llm_authentication"
    assert call.status.code == 2


def test_lines_of_the_log_name_their_trace(traced: Environment, receiver: Receiver, model: ScriptedModel) -> None:
    log, _ = talk_once({**traced, "LETTA_LOG_LEVEL": "DEBUG"}, model, Reply(error=Failure("malformed")))
    of_run: list[dict[str, Any]] = [line for line in map(json.loads, log.splitlines()) if "run_id" in line]
    assert of_run
    assert {line["trace_id"] for line in of_run} == {TRACE}


@pytest.mark.parametrize("told", [False, True])
def test_providers_learn_of_the_trace_only_where_that_is_asked_for(
    traced: Environment, receiver: Receiver, model: ScriptedModel, told: bool
) -> None:
    talk_once({**traced, "LETTA_OTEL_PROPAGATE_TO_MODELS": str(told).lower()}, model, Reply("Done."))
    (call,) = receiver.named("chat ")
    headers = [request.headers for request in model.requests(PRIVATE) if request.path.endswith("/completions")]
    found = {header.get("traceparent") for header in headers}
    assert found == ({f"00-{TRACE}-{call.span_id.hex()}-01"} if told else {None})
    assert not any({"baggage", "tracestate"} & set(header) for header in headers)


def test_a_receiver_that_is_away_costs_nothing_but_the_traces(
    server_environment: Environment, model: ScriptedModel
) -> None:
    nobody = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    log, _ = talk_once({**server_environment, **nobody}, model, Reply("Done."))
    assert "Traceback" not in log


def test_without_the_sdk_it_is_said_in_words_and_served_nevertheless(
    traced: Environment, receiver: Receiver, model: ScriptedModel, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['opentelemetry.sdk'] = None  # as if it weren't installed\n"
    )
    log, _ = talk_once({**traced, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}, model, Reply("Done."))
    (line,) = [line for line in map(json.loads, log.splitlines()) if line["logger"] == "letta.telemetry.tracing"]
    assert "is not installed" in line["message"]
    assert "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http" in line["message"]
    assert receiver.spans == []


def test_the_sdk_isnt_loaded_unless_traces_are_wanted(traced: Environment, receiver: Receiver) -> None:
    from letta.settings import Settings
    from letta.telemetry.tracing import start_tracing

    assert start_tracing(Settings()) is None
    disabled = Settings(otel_endpoint=receiver.url, otel_sdk_disabled=True)
    assert start_tracing(disabled) is None
    assert "letta.telemetry.exporting" not in sys.modules
