"""What benchmarks are set up with: a database, a scripted model, a server, and what the model itself takes."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median

import httpx2
import psycopg2

from benchmarks.target import Target
from letta.database.embedded import EmbeddedPostgres
from letta.testing.model.recorder import RecordedRequest
from letta.testing.postgres import throwaway_schema
from letta.testing.remote_model import RemoteScriptedModel, ScriptedModelProcess
from letta.testing.server import ServerProcess

ROOT = Path(__file__).resolve().parents[1]
_ASKED = 100


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """The options that all benchmarks of a server have: where the database is, and where the figures go."""
    parser.add_argument("--pg-uri", default=os.environ.get("LETTA_PG_URI"), help="a Postgres with pgvector")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")


@contextmanager
def scripted_model(url: str | None = None) -> Iterator[RemoteScriptedModel]:
    """A scripted model in a process of its own: one that runs already, or one that goes afterwards."""
    if url is not None:
        yield RemoteScriptedModel(url)
        return
    with ScriptedModelProcess(keep=20) as model:
        yield model


@contextmanager
def embedded_postgres(connections: int | None = None) -> Iterator[str]:
    """A Postgres that goes afterwards; with room for so many connections, where its usual 40 are too few."""
    with tempfile.TemporaryDirectory(prefix="letta-benchmark-") as directory:
        postgres = EmbeddedPostgres(Path(directory) / "pg")
        try:
            uri = postgres.start()
            if connections is not None:
                _make_room(uri, connections)
                postgres.stop()
                uri = postgres.start()
            yield uri
        finally:
            postgres.stop()


def _make_room(uri: str, connections: int) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("ALTER SYSTEM SET max_connections = %s", (connections,))


@contextmanager
def own_schema(given: str | None) -> Iterator[tuple[str, str]]:
    """A database (the one given, that of LETTA_PG_URI, or an embedded one) and a schema in it, which goes afterwards.

    To be entered before the first import that reads the settings.
    """
    with ExitStack() as stack:
        uri = given or os.environ.get("LETTA_PG_URI") or stack.enter_context(embedded_postgres())
        schema = stack.enter_context(throwaway_schema(uri))
        os.environ["LETTA_PG_SCHEMA"] = schema
        yield uri, schema


def environment_for(uri: str, schema: str, model: RemoteScriptedModel) -> dict[str, str]:
    """What a server is told."""
    return {
        "LETTA_PG_URI": uri,
        "LETTA_PG_SCHEMA": schema,
        "LETTA_ENCRYPTION_KEY": "only-for-the-benchmark-" + "0" * 24,
        "OPENAI_API_KEY": "scripted",
        "OPENAI_BASE_URL": model.base_url,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


@contextmanager
def running_server(environment: Mapping[str, str], start_render: bool = False) -> Iterator[ServerProcess]:
    """Our server, started as such or as on Render."""
    command = [str(ROOT / "start_render.sh")] if start_render else None
    with ServerProcess(environment, command=command) as server:
        yield server


@contextmanager
def target_of(server: ServerProcess) -> Iterator[Target]:
    """Our server as something to be measured."""
    with closing(Target(server.url, [server.pid])) as target:
        yield target


@contextmanager
def started(environment: Mapping[str, str], start_render: bool = False) -> Iterator[Target]:
    """Our server, running, as something to be measured."""
    with running_server(environment, start_render) as server, target_of(server) as target:
        yield target


def model_time(model: RemoteScriptedModel) -> float:
    """The median time (s) of the model for a request such as the server has sent last."""
    return median(_asked(model, until_first_event=False))


def model_time_to_first_event(model: RemoteScriptedModel) -> float:
    """The same for the first event of an answer that is streamed."""
    return median(_asked(model, until_first_event=True))


def _asked(model: RemoteScriptedModel, *, until_first_event: bool) -> list[float]:
    request = model.requests(path="/chat/completions")[-1]
    with httpx2.Client(trust_env=False) as http:
        return [_ask(http, model.url + request.path, request, until_first_event) for _ in range(_ASKED)]


def _ask(http: httpx2.Client, url: str, request: RecordedRequest, until_first_event: bool) -> float:
    began = time.perf_counter()
    with http.stream("POST", url, content=request.raw) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if until_first_event and line.startswith("data:"):
                return time.perf_counter() - began
    return time.perf_counter() - began


def progress(text: str) -> None:
    """Tell what is being done."""
    sys.stderr.write(f"- {text}\n")
