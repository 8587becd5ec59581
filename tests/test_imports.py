"""What an idle server has loaded. Libraries that only some servers need are imported on first use."""

import subprocess
import sys

import pytest

import letta

pytestmark = pytest.mark.slow

ON_FIRST_USE = [
    "alembic",
    "anthropic",
    "bs4",
    "docx",
    "e2b",
    "genai_prices",
    "google",
    "markdownify",
    "mcp",
    "numpy",
    "openai",
    "pydantic_monty",
    "pypdf",
    "pytest",
    "typer",
]
WRITERS_OF_REQUESTS = [
    "letta.llm.anthropic_messages",
    "letta.llm.google_chat",
    "letta.llm.openai_messages",
    "letta.llm.responses_items",
]


def loaded_by(*modules: str) -> set[str]:
    """The packages that are loaded once these modules are."""
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


def test_an_idle_server_is_lean() -> None:
    loaded = loaded_by("letta.http.app", "letta.server.run")
    assert loaded & set(ON_FIRST_USE) == set()
    assert {"fastapi", "sqlalchemy", "psycopg2"} <= loaded


@pytest.mark.parametrize("module", WRITERS_OF_REQUESTS)
def test_requests_are_written_without_any_sdk(module: str) -> None:
    assert loaded_by(module) & {"anthropic", "google", "openai"} == set()


@pytest.mark.parametrize(("module", "other"), [("openai_responses", "anthropic"), ("anthropic_chat", "openai")])
def test_a_provider_loads_its_own_sdk_alone(module: str, other: str) -> None:
    assert other not in loaded_by(f"letta.llm.{module}")


def test_the_package_takes_the_commands_of_the_command_line() -> None:
    ended = subprocess.run([sys.executable, "-m", "letta", "version"], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == letta.__version__
