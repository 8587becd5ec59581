"""Secrets that occur nowhere else are planted wherever there is one, and searched in all that comes out.

They go through what works and what fails: providers that repeat their key, a database that goes away, requests that are
refused, the most talkative level of logging.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import psycopg2
import pytest
from psycopg2 import sql

from letta.testing.postgres import throwaway_schema
from letta.testing.server import ServerProcess
from tests.hostile.raw_provider import EVENTS, GOOD, JSON, RawProvider, chunk, event

pytestmark = pytest.mark.slow

Json = dict[str, Any]

ROLE = "canary_role"
CANARIES = {
    "server password": "Canary-ServerPassword-0x51",
    "encryption key": "Canary-EncryptionKey-0x52",
    "database password": "Canary/Database@Password-0x53",
    "OpenAI key": "sk-Canary-OpenAi-0x54",
    "Anthropic key": "sk-ant-Canary-0x55",
    "Gemini key": "AIza-Canary-0x56",
    "Exa key": "exa-Canary-0x57",
    "vLLM key": "vllm-Canary-0x58",
    "secret of an agent": "Canary-AgentSecret-0x59",
    "wrong bearer password": "Canary-WrongBearer-0x5a",
    "wrong bare password": "Canary-WrongBare-0x5b",
    "cookie": "Canary-Cookie-0x5c",
    "password in a URL": "Canary-UrlPassword-0x5d",
    "token in a URL": "Canary-UrlToken-0x5e",
    "value of a wrong type": "Canary-WrongType-0x5f",
}
MODELS = ("openai-proxy/gpt-4o-mini", "anthropic/gpt-4o-mini", "google_ai/gemini-2.5-flash", "vllm/gpt-4o-mini")
KEYS = ("authorization", "x-api-key", "x-goog-api-key")


class Watched:
    """A client that keeps all that it was answered."""

    def __init__(self, url: str) -> None:
        self.answers: list[str] = []
        headers = {"authorization": f"Bearer {CANARIES['server password']}"}
        self.http = httpx2.Client(
            base_url=url, headers=headers, timeout=60, trust_env=False, event_hooks={"response": [self._keep]}
        )

    def _keep(self, response: httpx2.Response) -> None:
        text = response.read().decode(errors="replace")
        self.answers.append(f"{response.request.method} {response.request.url.path} {response.headers} {text}")


@pytest.fixture(scope="module")
def provider() -> Iterator[RawProvider]:
    with RawProvider() as running:
        yield running


@pytest.fixture(scope="module")
def superuser(embedded_uri: str) -> Iterator[str]:
    """The database, in which a role with a password of its own may work meanwhile."""
    password = CANARIES["database password"]
    execute(
        embedded_uri,
        sql.SQL("CREATE EXTENSION IF NOT EXISTS vector; CREATE ROLE {role} LOGIN PASSWORD {password}").format(
            role=sql.Identifier(ROLE), password=sql.Literal(password)
        ),
        sql.SQL("GRANT CREATE ON DATABASE letta TO {}").format(sql.Identifier(ROLE)),
    )
    yield embedded_uri
    execute(
        embedded_uri, sql.SQL("REVOKE ALL ON DATABASE letta FROM {0}; DROP OWNED BY {0}").format(sql.Identifier(ROLE))
    )
    execute(embedded_uri, sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


def execute(uri: str, *statements: Any) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture(scope="module")
def environment(superuser: str, provider: RawProvider) -> Iterator[dict[str, str]]:
    with throwaway_schema(superuser) as schema:
        place = superuser.rpartition("@")[2]
        yield {
            "LETTA_PG_URI": f"postgresql://{ROLE}:{quote(CANARIES['database password'], safe='')}@{place}",
            "LETTA_PG_SCHEMA": schema,
            "LETTA_SERVER_PASSWORD": CANARIES["server password"],
            "LETTA_ENCRYPTION_KEY": CANARIES["encryption key"],
            "LETTA_LOG_LEVEL": "DEBUG",
            "LETTA_LLM_MAX_RETRIES": "0",
            "OPENAI_API_KEY": CANARIES["OpenAI key"],
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "ANTHROPIC_API_KEY": CANARIES["Anthropic key"],
            "ANTHROPIC_BASE_URL": provider.url,
            "GEMINI_API_KEY": CANARIES["Gemini key"],
            "GEMINI_BASE_URL": provider.url,
            "VLLM_API_BASE": f"{provider.url}/v1",
            "VLLM_API_KEY": CANARIES["vLLM key"],
            "EXA_API_KEY": CANARIES["Exa key"],
            "EXA_BASE_URL": provider.url,
        }


def repeated(provider: RawProvider) -> str:
    """The key that the provider was sent."""
    return next(provider.last_headers[name] for name in KEYS if name in provider.last_headers)


def answers_that_repeat_the_key(provider: RawProvider) -> Iterator[Json]:
    """What a provider may say with the key in it, as arguments of `play`."""

    def telling(form: str) -> Any:
        return lambda: (form.replace("KEY", repeated(provider)).encode(),)

    for status in (400, 401, 429, 500):
        error = (
            '{"error": {"message": "Incorrect API key provided: KEY.", "code": "x", "type": "KEY", "status": "KEY"}}'
        )
        yield {"pieces": telling(error), "kind": JSON, "status": status}
    yield {
        "pieces": telling('{"type": "error", "error": {"type": "KEY", "message": "bad KEY"}}'),
        "kind": JSON,
        "status": 401,
    }
    yield {"pieces": telling("<h1>No KEY</h1>"), "kind": "text/html", "status": 502}
    yield {"pieces": telling('data: {"error": {"message": "KEY"}}\n\n'), "kind": EVENTS}
    yield {"pieces": telling("data: {not json KEY\n\n"), "kind": EVENTS}
    yield {"pieces": telling('data: {"choices": "KEY"}\n\n'), "kind": EVENTS}
    yield {"pieces": telling("not json KEY"), "kind": JSON}
    yield {"pieces": telling('{"choices": [{"message": "KEY"}]}'), "kind": JSON}


def make_agents(watched: Watched, provider: RawProvider) -> list[str]:
    provider.say(*GOOD)
    made: list[str] = []
    for model in MODELS:
        body = {
            "model": model,
            "include_base_tools": False,
            "tools": ["web_search", "fetch_webpage"],
            "embedding": "openai/text-embedding-3-small",
            "secrets": {"TOKEN": CANARIES["secret of an agent"]},
        }
        answer = watched.http.post("/v1/agents", json=body)
        assert answer.status_code == 200, answer.text
        made.append(answer.json()["id"])
        # Whoever makes an agent is shown what was sent; that the secret is in it is what was asked for.
        watched.answers.pop()
    return made


def talk(watched: Watched, provider: RawProvider, agents: list[str]) -> None:
    for agent in agents:
        path = f"/v1/agents/{agent}/messages"
        for answer in answers_that_repeat_the_key(provider):
            provider.play(**answer)
            watched.http.post(path, json={"input": "Hello."})
            watched.http.post(f"{path}/stream", json={"input": "Hello.", "stream_tokens": True})
        provider.say(*GOOD)
        watched.http.post(f"{path}/stream", json={"input": "Hello.", "stream_tokens": True})
        watched.http.post(f"/v1/agents/{agent}/archival-memory", json={"text": "A fact."})
        watched.http.get(f"/v1/agents/{agent}/archival-memory/search", params={"query": "fact"})
        for name, arguments in (("web_search", {"query": "x"}), ("fetch_webpage", {"url": "http://127.0.0.1:9/"})):
            call = {"index": 0, "id": f"call-{name}", "function": {"name": name, "arguments": json.dumps(arguments)}}
            provider.say(chunk({"tool_calls": [call]}), chunk({}, "tool_calls"), event("[DONE]"))
            watched.http.post(f"{path}/stream", json={"input": "Look.", "stream_tokens": True, "max_steps": 1})


def look_around(watched: Watched, agents: list[str]) -> None:
    for place in (
        "/v1/agents",
        "/v1/models",
        "/v1/models/embedding",
        "/v1/health",
        "/v1/ready",
        "/metrics",
        "/openapi.json",
    ):
        watched.http.get(place)
    for agent in agents:
        watched.http.get(f"/v1/agents/{agent}")
        watched.http.get(f"/v1/agents/{agent}/messages", params={"limit": 200})
        watched.http.get(f"/v1/agents/{agent}/export")
        watched.http.get(f"/v1/agents/{agent}/context")
        for run in watched.http.get("/v1/runs", params={"agent_id": agent, "limit": 12}).json():
            for part in ("", "/messages", "/trace"):
                watched.http.get(f"/v1/runs/{run['id']}{part}")
        for step in watched.http.get("/v1/steps", params={"agent_id": agent, "limit": 12}).json():
            for part in ("", "/trace"):
                watched.http.get(f"/v1/steps/{step['id']}{part}")


def ask_wrongly(watched: Watched, agents: list[str]) -> None:
    http, path = watched.http, f"/v1/agents/{agents[0]}/messages"
    wrong = CANARIES["value of a wrong type"]
    for headers in (
        {"authorization": f"Bearer {CANARIES['wrong bearer password']}"},
        {"authorization": f"Basic {CANARIES['wrong bearer password']}"},
        {"authorization": "", "x-bare-password": f"password {CANARIES['wrong bare password']}"},
    ):
        assert http.get("/v1/agents", headers=headers).status_code == 401
    http.get("/v1/agents", headers={"cookie": f"session={CANARIES['cookie']}", "user_id": CANARIES["cookie"]})
    http.post("/v1/agents", json={"secrets": wrong, "model": MODELS[0]})
    http.post("/v1/agents", json={"secrets": [wrong], "model": MODELS[0]})
    http.post("/v1/agents", json={"secrets": {"A": [wrong]}, "model": MODELS[0]})
    http.post("/v1/agents", json={"secrets": {"": wrong}, "model": MODELS[0]})
    http.patch(f"/v1/agents/{agents[0]}", json={"secrets": {"A": {"b": wrong}}})
    http.post(
        "/v1/agents", content=f'{{"secrets": {{"A": "{wrong}"'.encode(), headers={"content-type": "application/json"}
    )
    http.post("/v1/agents", content=wrong.encode(), headers={"content-type": "application/json"})
    http.post("/v1/agents", content=wrong.encode(), headers={"content-type": "text/plain"})
    user, token = CANARIES["password in a URL"], CANARIES["token in a URL"]
    for url in (
        f"http://u:{user}@127.0.0.1:9/x?token={token}",
        f"ftp://u:{user}@127.0.0.1/x?token={token}",
        f"http://u:{user}@127.0.0.1:99999/?token={token}",
        f"http://u:{user}@[::1/?token={token}",
    ):
        http.post(f"{path}/async", json={"input": "x", "callback_url": url})
        picture = {"type": "image", "source": {"type": "url", "url": url}}
        http.post(path, json={"messages": [{"role": "user", "content": [picture]}]})
    source = {"type": "url", "url": f"https://u:{user}@no-such-host.invalid/x?token={token}"}
    http.post(path, json={"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]})


def lose_the_database(watched: Watched, superuser: str, agents: list[str]) -> None:
    role = sql.Identifier(ROLE)
    ending = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {}").format(
        sql.Literal(ROLE)
    )
    execute(superuser, sql.SQL("ALTER ROLE {} NOLOGIN").format(role))
    execute(superuser, ending)
    statuses = {watched.http.get("/v1/agents").status_code, watched.http.get("/v1/ready").status_code}
    statuses.add(watched.http.post(f"/v1/agents/{agents[0]}/messages", json={"input": "x"}).status_code)
    assert statuses == {503}
    execute(superuser, sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal("another")))
    time.sleep(0.2)
    watched.http.get("/v1/agents")
    execute(superuser, sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(CANARIES["database password"])))


def commands(environment: dict[str, str], directory: Path) -> Iterator[str]:
    """What the commands print, when all is well and when it isn't."""
    wrong = [
        {},
        {"LETTA_PG_URI": environment["LETTA_PG_URI"].replace(ROLE, "nobody")},
        {"LETTA_PG_URI": f"postgresql://u:{quote(CANARIES['database password'], safe='')}@no-such-host.invalid/x"},
        {"LETTA_PG_URI": f"postgresql://u:{CANARIES['database password']}@[YOUR-HOST]:x/y z"},
        {"LETTA_ENCRYPTION_KEY": CANARIES["encryption key"] + "-other"},
        {"PORT": CANARIES["server password"]},
    ]
    full = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "LETTA_DIR": str(directory / "doctor"), **environment}
    for changes in wrong:
        for command in ("doctor",) if changes else ("doctor", "migrate", "reset-encryption-key"):
            ended = subprocess.run(
                [sys.executable, "-m", "letta.cli", command],
                env=full | changes | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            yield f"letta {command} {list(changes)}\n{ended.stdout}{ended.stderr}"


def everything_stored(superuser: str, schema: str) -> Iterator[str]:
    with closing(psycopg2.connect(superuser)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        for (table,) in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT row::text FROM {}.{} AS row").format(*map(sql.Identifier, (schema, table))))
            yield from (f"table {table}: {row}" for (row,) in cursor.fetchall())


def shows_agents(answer: str) -> bool:
    """Whether this is an agent's state, which shows the agent's secrets to whoever may use the server, by contract."""
    return bool(re.match(r"GET /v1/agents(/agent-[0-9a-f-]+)? ", answer))


def found_in(texts: list[str], names: set[str]) -> list[str]:
    """Which canaries sing, and where."""
    heard = []
    for text in texts:
        for name in names:
            forms = {CANARIES[name], quote(CANARIES[name], safe=""), json.dumps(CANARIES[name])[1:-1]}
            heard += [
                f"{name} in: {text[:120]} … {text[max(0, place - 100) : place + len(form)]}"
                for form in forms
                if (place := text.find(form)) >= 0
            ]
    return heard


def test_no_secret_is_in_any_answer_log_or_table(
    environment: dict[str, str], superuser: str, provider: RawProvider, tmp_path: Path
) -> None:
    everything = set(CANARIES)
    with ExitStack() as stack:
        server = stack.enter_context(ServerProcess(environment, directory=tmp_path / "server"))
        watched = Watched(server.url)
        stack.callback(watched.http.close)
        agents = make_agents(watched, provider)
        talk(watched, provider, agents)
        ask_wrongly(watched, agents)
        look_around(watched, agents)
        lose_the_database(watched, superuser, agents)
        stored = list(everything_stored(superuser, environment["LETTA_PG_SCHEMA"]))
        written = [path.read_text(errors="replace") for path in server.directory.rglob("*") if path.is_file()]
        printed = list(commands(environment, tmp_path))
        assert "DEBUG" in server.log, "the log was as talkative as it can be"
    assert len(watched.answers) > 200
    assert "\n".join(found_in(watched.answers, everything - {"secret of an agent"})) == ""
    assert found_in([text for text in watched.answers if not shows_agents(text)], {"secret of an agent"}) == []
    assert found_in(written, everything) == []
    assert found_in(stored, everything) == []
    assert found_in(printed, everything) == []
