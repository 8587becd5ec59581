"""Servers of tests: what they are started with, and a look into their database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess

ENCRYPTION_KEY = "only-for-tests-0123456789abcdefghijklmnop"


def environment_of(uri: str, schema: str, model: ScriptedModel) -> dict[str, str]:
    """The settings of a server that keeps its data there and asks this model."""
    return {
        "LETTA_PG_URI": uri,
        "LETTA_PG_SCHEMA": schema,
        "LETTA_ENCRYPTION_KEY": ENCRYPTION_KEY,
        "OPENAI_API_KEY": "sk-scripted",
        "OPENAI_BASE_URL": model.base_url,
    }


def environment_of_all_providers(uri: str, schema: str, model: ScriptedModel) -> dict[str, str]:
    """The same, where the model is spoken to in the forms of other providers as well."""
    return environment_of(uri, schema, model) | {
        "ANTHROPIC_API_KEY": "sk-scripted",
        "ANTHROPIC_BASE_URL": model.anthropic_url,
        "GEMINI_API_KEY": "sk-scripted",
        "GEMINI_BASE_URL": model.google_url,
    }


@contextmanager
def server_with(uri: str, model: ScriptedModel, **settings: str) -> Iterator[ServerProcess]:
    """A running server with a schema of its own, and settings besides."""
    with (
        throwaway_schema(uri) as schema,
        ServerProcess(environment_of(uri, schema, model) | settings) as server,
    ):
        yield server


@contextmanager
def database_of(server: ServerProcess) -> Iterator[Any]:
    """A cursor in a server's schema, for what nobody can do from outside. All in one transaction.

    Only that keeps the setting from others behind a pooler, whose connections go from hand to hand.
    """
    uri, schema = (server.environment[name] for name in ("LETTA_PG_URI", "LETTA_PG_SCHEMA"))
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path = {schema}")
        yield cursor
