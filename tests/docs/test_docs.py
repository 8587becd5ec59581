"""The documentation says what the code does: nothing is missing in it, and it names nothing that isn't there."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from pydantic import AliasChoices

from letta.cli import app as command_line
from letta.doctor.context import DoctorContext
from letta.doctor.run import run_checks
from letta.http.app import create_app
from letta.settings import Settings
from letta.testing.scripted_model import DEFAULT_TEXT, Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])
# Variables that pages speak of, and that the server doesn't read: of the tests, of examples, of hosts.
GIVEN_TO_TOOLS = {"LETTA_AGENT_ID", "LETTA_API_KEY", "LETTA_TOOL_ID"}
OTHERS_VARIABLES = GIVEN_TO_TOOLS | {
    "LETTA_TEST_PG_URI",
    "LETTA_TEST_NO_SKIPS",
    "NEW_URI",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER",
    "WEB_CONCURRENCY",
    "ENABLE_FORWARD_USER_INFO_HEADERS",
    "XDG_DATA_HOME",
}


def page(name: str) -> str:
    return (DOCS / name).read_text()


def setting_names() -> Iterator[str]:
    for field in Settings.model_fields.values():
        assert isinstance(field.validation_alias, AliasChoices)
        yield from map(str, field.validation_alias.choices)


def variables_read_elsewhere() -> set[str]:
    """Names of environment variables that stand in the source outside the settings."""
    reading = re.compile(r"""(?:environ(?:\.get)?|getenv)[(\[]\s*["']([A-Z][A-Z0-9_]+)["']""")
    sources = [path for path in (ROOT / "letta").rglob("*.py") if "testing" not in path.parts]
    return {name for path in sources for name in reading.findall(path.read_text())}


def anchors(path: Path) -> set[str]:
    """What links to the headings of a page end with, as GitHub derives it."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_generated_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_documented() -> None:
    text = page("configuration.md")
    assert [name for name in setting_names() if f"`{name}`" not in text] == []


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_other_variable_is_documented() -> None:
    text = page("configuration.md")
    assert [name for name in sorted(variables_read_elsewhere()) if f"`{name}`" not in text] == []


def test_every_command_and_option_is_documented() -> None:
    text = page("commands.md")
    for name, command in typer.main.get_group(command_line).commands.items():
        assert f"## `letta {name}`" in text
        assert command.help, name
        for option in command.params:
            shown = [flag.upper() if option.param_type_name == "argument" else flag for flag in option.opts]
            assert all(f"`{flag}`" in text for flag in shown), option.name


def test_every_operation_is_documented_in_one_line() -> None:
    lines = page("api.md").splitlines()
    for path, operations in create_app(Settings()).openapi()["paths"].items():
        for verb in operations:
            described = [line for line in lines if line.startswith(f"- `{verb.upper()} {path}` ")]
            assert len(described) == 1, (verb, path)


def test_every_check_of_the_doctor_is_documented(tmp_path: Path) -> None:
    text = page("operations.md")
    checks = run_checks(DoctorContext(letta_dir=tmp_path))
    assert [check.name for check in checks if f"| {check.name} |" not in text] == []


def test_the_log_says_what_the_page_on_deploying_looks_for() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "letta").rglob("*.py"))
    texts = re.sub(r"""["']\n\s*f?["']""", "", sources)  # of strings that go over several lines
    table = page("deploy.md").split("## When it doesn't start")[1].split("\n## ")[0]
    quoted = [
        text for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for text in row.strip("`").split("`, `")
    ]
    assert len(quoted) > 9
    pieces = [piece for text in quoted for piece in re.split(r" ?… ?|LETTA_[A-Z_]+ ", text) if piece]
    assert [piece for piece in pieces if piece not in texts] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_that_pages_advise_exist(path: Path) -> None:
    text = path.read_text()
    commands = set(typer.main.get_group(command_line).commands)
    code = "\n".join(re.findall(r"`[^`\n]+`|```.*?```", text, re.DOTALL))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) <= make_targets()
    assert set(re.findall(r"(?:`|letta\.cli )letta ([a-z][a-z-]*)", code)) <= commands


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_variables_that_pages_name_exist(path: Path) -> None:
    known = {*setting_names(), *variables_read_elsewhere(), *OTHERS_VARIABLES}
    named = set(re.findall(r"`\$?((?:LETTA_|[A-Z]+_)[A-Z0-9_]+)(?:=[^`]*)?`", path.read_text()))
    assert named - known == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    broken = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", path.read_text()):
        page_meant = path.parent / target if target else path
        if "://" not in target and not (page_meant.exists() and (not anchor or anchor in anchors(page_meant))):
            broken.append(f"{target}#{anchor}")
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [path.name for path in DOCS.glob("*.md") if f"docs/{path.name}" not in readme] == []


def test_the_example_of_the_readme_works(server: ServerProcess, model: ScriptedModel) -> None:
    example = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    program = example.replace("http://localhost:8283", server.url)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert DEFAULT_TEXT in done.stdout
    assert "Name: Ada." in done.stdout
    assert "green tea" in str(model.requests()[-1].body["messages"])


@pytest.mark.parametrize("name", ["messages.md", "agent-files.md", "templates.md"])
def test_the_examples_of_a_page_work(name: str, server: ServerProcess, model: ScriptedModel, tmp_path: Path) -> None:
    """They go on from the README's, with an agent that needs approval for what the model wants to do in the midst."""
    script = model.script(
        Reply(calls=[Call("memory_insert", {"label": "human", "new_string": "Tidy."})]), Reply("Done.")
    )
    examples = "\n".join(re.findall(r"```python\n(.*?)```", page(name), re.DOTALL))
    program = f"""
from letta_client import Letta

client = Letta(base_url="{server.url}")
agent = client.agents.create(
    model=client.models.list()[0].handle,
    memory_blocks=[{{"label": "human", "value": "Name: Ada."}}],
    tool_rules=[{{"type": "requires_approval", "tool_name": "memory_insert"}}],
)
{examples.replace("Tidy up my notes.", script.say("Tidy up my notes."))}
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert len(script.requests) == (2 if "Tidy up my notes." in examples else 0)


def test_the_client_that_is_advised_is_the_one_that_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pinned = [name for name in project["dependency-groups"]["dev"] if name.startswith("letta-client")]
    assert f'CLIENT = "{pinned[0]}"' in (ROOT / "test_persistence.py").read_text()
    assert pinned[0].removeprefix("letta-client==") in page("compatibility.md")
