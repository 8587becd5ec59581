"""/metrics of a running server: what it counts, in which format, and who may see it."""

from collections.abc import Iterator, Mapping

import httpx2
import pytest
from letta_client import APIStatusError, Letta
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import server_with
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MODEL = "openai-proxy/gpt-4o-mini"
PASSWORD = "a long random text"
PRIVATE = "what nobody else may know"
BEARER = {"authorization": f"Bearer {PASSWORD}"}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def watched(server_environment: dict[str, str]) -> Iterator[ServerProcess]:
    """A server of the test's own: figures are those of a process."""
    with ServerProcess({**server_environment, "LETTA_SERVER_PASSWORD": PASSWORD}) as running:
        yield running


@pytest.fixture(scope="module")
def shared(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    """For tests that expect no figure to begin at nothing, but those that they alone move."""
    with server_with(postgres_uri, scripted_model, LETTA_SERVER_PASSWORD=PASSWORD) as running:
        yield running


def scrape(server: ServerProcess) -> Samples:
    answer = ask(server, BEARER)
    assert answer.status_code == 200, answer.text
    families = parse(answer.text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def ask(server: ServerProcess, headers: Mapping[str, str], path: str = "/metrics") -> httpx2.Response:
    return httpx2.get(f"{server.url}{path}", headers=dict(headers), trust_env=False, timeout=30)


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


def test_a_turn_is_counted_with_all_that_belongs_to_it(watched: ServerProcess, model: ScriptedModel) -> None:
    client = watched.client(max_retries=0)
    agent = client.agents.create(name="Ada", model=MODEL, memory_blocks=[{"label": "human", "value": "?"}])
    edit = Call("memory_insert", {"label": "human", "new_string": PRIVATE})
    search = Call("conversation_search", {"query": PRIVATE})
    unknown = Call("made_up_by_the_model", {"x": PRIVATE})
    script = model.script(Reply(calls=[edit]), Reply(calls=[search]), Reply(calls=[unknown]), Reply("Done."))
    client.agents.messages.create(agent.id, input=script.say("I drink tea."))
    samples = scrape(watched)

    route = "/v1/agents/{agent_id}/messages"
    assert value(samples, "letta_http_requests_total", method="POST", route=route, status="200") == 1
    assert value(samples, "letta_http_request_duration_seconds_count", method="POST", route=route) == 1
    assert value(samples, "letta_http_requests_in_progress") == 1
    assert value(samples, "letta_turns_total", status="completed", stop_reason="end_turn") == 1
    assert value(samples, "letta_turn_duration_seconds_count", status="completed") == 1
    assert value(samples, "letta_model_calls_total", provider="openai", model="gpt-4o-mini", outcome="ok") == 4
    assert value(samples, "letta_model_call_duration_seconds_count", provider="openai", model="gpt-4o-mini") == 4
    for kind in ("input", "output"):
        assert value(samples, "letta_model_tokens_total", provider="openai", model="gpt-4o-mini", kind=kind) > 0
    assert value(samples, "letta_tool_calls_total", tool="memory_insert", outcome="success") == 1
    assert value(samples, "letta_tool_calls_total", tool="conversation_search", outcome="success") == 1
    assert value(samples, "letta_tool_calls_total", tool="unknown", outcome="refused") == 1
    assert value(samples, "letta_tool_duration_seconds_count", tool="conversation_search") == 1
    units = value(samples, "letta_database_unit_duration_seconds_count")
    assert 0 < units <= value(samples, "letta_database_statements_total")
    assert value(samples, "letta_database_wait_seconds_count") == units
    assert value(samples, "letta_database_connections_limit") == 5
    assert value(samples, "letta_turns_limit") == 256
    assert value(samples, "letta_turns_running") == value(samples, "letta_turns_queued") == 0
    assert value(samples, "process_resident_memory_bytes") > 10_000_000
    assert value(samples, "process_cpu_seconds_total") > 0
    assert [labels for name, labels in samples if name == "letta_build_info"]


def test_nothing_of_what_people_say_and_no_id_is_told(shared: ServerProcess, model: ScriptedModel) -> None:
    client = shared.client(max_retries=0)
    agent = client.agents.create(name="Ada", model=MODEL, tags=[PRIVATE])
    client.agents.messages.create(agent.id, input=PRIVATE)
    ask(shared, BEARER, f"/v1/agents/{agent.id}/no-such-thing")
    ask(shared, BEARER, f"/v1/agents/{agent.id}?x={PRIVATE}")
    text = ask(shared, BEARER).text
    assert PRIVATE not in text
    assert agent.id.removeprefix("agent-") not in text
    assert "run-" not in text


def test_a_model_that_fails_is_counted_by_how(watched: ServerProcess, model: ScriptedModel) -> None:
    client = watched.client(max_retries=0)
    agent = client.agents.create(name="Ada", model=MODEL)
    script = model.script(Reply(error=Failure("auth")))
    with pytest.raises(APIStatusError):
        client.agents.messages.create(agent.id, input=script.say("Hello?"))
    samples = scrape(watched)
    failed = {labels: count for (name, labels), count in samples.items() if name == "letta_model_calls_total"}
    assert [dict(labels)["outcome"] for labels in failed] == ["llm_authentication"]
    turns = [dict(labels) for name, labels in samples if name == "letta_turns_total"]
    assert turns == [{"status": "failed", "stop_reason": "llm_api_error"}]


def test_turns_that_run_and_wait_are_seen(shared: ServerProcess, model: ScriptedModel) -> None:
    client = shared.client(max_retries=0)
    agent = client.agents.create(name="Ada", model=MODEL)
    script = model.script(Reply("At last.", hold=True))
    client.agents.messages.create_async(agent.id, input=script.say("Take your time."))
    until(lambda: value(scrape(shared), "letta_turns_running") == 1, 20)
    script.release()
    until(lambda: value(scrape(shared), "letta_turns_running") == 0, 20)


def test_it_is_behind_the_password_as_prometheus_sends_it(shared: ServerProcess) -> None:
    assert ask(shared, {}).status_code == 401
    assert ask(shared, {"authorization": "Bearer wrong"}).status_code == 401
    assert ask(shared, BEARER).status_code == 200
    assert ask(shared, BEARER, "/metrics/").status_code == 200
    assert value(scrape(shared), "letta_wrong_passwords_total") == 1


def test_it_may_be_opened_and_nothing_else_with_it(server_environment: dict[str, str]) -> None:
    opened = {"LETTA_SERVER_PASSWORD": PASSWORD, "LETTA_METRICS_PUBLIC": "true"}
    with ServerProcess({**server_environment, **opened}) as server:
        assert ask(server, {}).status_code == 200
        assert ask(server, {}, "/v1/agents/").status_code == 401
        assert ask(server, {}, "/metrics/x").status_code == 401


def test_it_comes_in_the_format_that_is_asked_for(shared: ServerProcess) -> None:
    plain = ask(shared, BEARER)
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    modern = ask(shared, {**BEARER, "accept": accept})
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(modern.text)}  # type: ignore[no-untyped-call]
    assert names >= {"letta_turns", "letta_http_requests", "letta_event_loop_lag_seconds"}


def test_the_lag_of_the_event_loop_is_measured_once_somebody_asks(watched: ServerProcess) -> None:
    assert value(scrape(watched), "letta_event_loop_lag_seconds_count") == 0
    until(lambda: value(scrape(watched), "letta_event_loop_lag_seconds_count") >= 2, 20)


def test_other_methods_and_paths_make_no_new_series(client: Letta, http: httpx2.Client) -> None:
    def series() -> set[str]:
        lines = http.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0] for line in lines if line.startswith("letta_http_requests_total")}

    http.request("PROPFIND", "/v1/x0")
    http.get("/v1/x1")
    series()  # which counts itself
    before = series()
    for number in range(20):
        http.request("REPORT", f"/v1/y{number}")
        http.get(f"/v1/z{number}")
    assert series() - before == set()
