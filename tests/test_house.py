"""Rules of the house that no other tool checks: who imports whom, where SQL is, length of files, what `make` offers."""

import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture import Source

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 600
LONGER = {
    "letta/database/migrations/versions/0001_initial.py": 734,  # what was released is never rewritten
}
"""Files over the limit. Their number of lines may only go down."""

LAYERS = {
    "foundation": {
        *("letta", "config", "constants", "errors", "json_types", "log", "redaction", "refusal", "schema", "settings"),
        *("background", "outgoing", "telemetry"),
    },
    "database": {"database"},
    "models": {"llm"},
    "sandbox": {"sandbox"},
    "tools": {"agent_tools", "file_tools", "memory_tools", "web_tools"},
    "turn": {"turn"},
    "runs": {"runs"},
    "edge": {"http", "console"},
    "server": {"server"},
    "commands": {"backup", "doctor", "legacy"},
    "command line": {"__main__", "cli"},
    "testing": {"testing"},
}
"""Packages of `letta` by what they are; all others are rooms."""
LAYER_OF = {package: layer for layer, packages in LAYERS.items() for package in packages}
MAY_IMPORT = {
    "foundation": {"foundation"},
    "database": {"foundation", "database"},
    "models": {"foundation", "models"},
    "sandbox": {"foundation", "sandbox"},
    "tools": {"foundation", "database", "tools", "rooms"},
    "rooms": {"foundation", "database", "models", "sandbox", "tools", "rooms", "runs"},
    "turn": {"foundation", "database", "models", "tools", "rooms", "turn"},
    "runs": {"foundation", "database", "models", "rooms", "turn", "runs"},
    "edge": {"foundation", "database", "sandbox", "rooms", "edge", "server"},
    "server": {*LAYERS, "rooms"} - {"command line", "testing"},
    "commands": {*LAYERS, "rooms"} - {"command line", "testing"},
    "command line": {*LAYERS, "rooms"} - {"testing"},
    "testing": {"foundation", "database", "testing"},
}
"""Which way imports point, as `docs/developing.md` tells. Modules with operations know the edge besides."""
KNOWN_TO_ALL = {"letta.turn.request", "letta.turn.events"}
"""What a turn is asked for, and what it tells."""
STILL_IMPORTED_BY = {
    "database": {
        "letta.llm.chat",
    },
    "rooms": {
        "letta.database.all_tables",
        "letta.llm.anthropic_messages",
        "letta.llm.chat",
        "letta.llm.content",
        "letta.llm.google_contents",
        "letta.llm.openai_messages",
        "letta.llm.responses_items",
        "letta.sandbox.run_tokens",
    },
    "turn": {
        "letta.agent_files.conversation",
        "letta.completions.generate",
        "letta.conversations.endpoints",
        "letta.messages.endpoints",
    },
    "runs": {
        "letta.database.all_tables",
    },
    "edge": {
        "letta.agents.parameters",
        "letta.completions.background_tasks",
        "letta.completions.chat_completions",
        "letta.mcp.connecting",
        "letta.mcp_endpoint.protocol",
        "letta.messages.sending",
        "letta.runs.frames",
        "letta.runs.presentation",
    },
    "server": {
        "letta.agent_files.endpoints",
        "letta.completions.asking",
        "letta.completions.background_tasks",
        "letta.completions.chosen_conversation",
        "letta.completions.generate",
        "letta.completions.openai_endpoints",
        "letta.mcp.connecting",
        "letta.mcp_endpoint.caller",
        "letta.messages.compaction_endpoints",
        "letta.messages.sending",
        "letta.sandbox.policy",
        "letta.templates.endpoints",
    },
}
"""Modules that import a layer which theirs must not. There may only be fewer of them."""

WITH_OTHER_SQL = "letta.testing."
"""Looks at databases from outside, as tests do."""
CALLED_BY_NAME = {
    "letta.folders.endpoints.sources_router": "letta/http/rooms.py names it",
    "letta.folders.file_endpoints.sources_router": "letta/http/rooms.py names it",
    "letta.folders.child.main.main": "the process that it is for runs it",
    "letta.sandbox.child.zygote.main": "the process that it is for runs it",
    "letta.llm.anthropic_chat.chat": "letta/llm/chat.py imports the module of a provider by name",
    "letta.llm.google_chat.chat": "letta/llm/chat.py imports the module of a provider by name",
    "letta.llm.openai_responses.chat": "letta/llm/chat.py imports the module of a provider by name",
}
"""What nothing refers to as Python does, with the reason."""
MIGRATIONS = "letta.database.migrations.versions."
"""What they define is Alembic's to call."""

# In pieces, as this file is searched as well.
REGISTRIES = re.compile(
    "|".join((r"py" + r"pi\.org", r"python" + "hosted", r"registry\.npm" + "js", r"deb\.deb" + "ian"))
)


def tracked(*patterns: str) -> Iterator[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return (ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_files_stay_short_enough_to_be_known() -> None:
    lengths = {name_of(path): path.read_text().count("\n") for path in tracked("*.py")}
    too_long = {name: length for name, length in lengths.items() if length > LONGER.get(name, MOST_LINES)}
    assert too_long == {}
    assert [name for name in LONGER if lengths.get(name, 0) <= MOST_LINES] == [], "take them out of LONGER"


@cache
def package() -> Source:
    return Source(ROOT, ("letta",))


@pytest.mark.slow
def test_imports_point_one_way() -> None:
    source, crossed = package(), set()
    for module in source.of("letta"):
        allowed = MAY_IMPORT[LAYER_OF.get(module.package, "rooms")]
        if module.last.endswith(("endpoints", "endpoint")):
            allowed = allowed | {"edge"}
        imported = (source.modules[name] for name in source.imports(module) if name in source.modules)
        ours = [each for each in imported if each.name.startswith("letta") and each.name not in KNOWN_TO_ALL]
        layers = {LAYER_OF.get(each.package, "rooms") for each in ours}
        crossed |= {(module.name, layer) for layer in layers - allowed}
    excused = {(name, layer) for layer, names in STILL_IMPORTED_BY.items() for name in names}
    assert crossed - excused == set()
    assert excused - crossed == set(), "take them out of STILL_IMPORTED_BY"


def test_only_the_edge_imports_operations() -> None:
    source = package()
    found = {(module.name, name) for module in source.of("letta") for name in source.imports(module)}
    crossed = {(module, name) for module, name in found if name.endswith("endpoints")}
    assert {pair for pair in crossed if not pair[0].startswith("letta.http.")} == set()


def test_sql_is_in_repositories() -> None:
    modules = [
        module
        for module in package().of("letta")
        if module.package != "database" and not module.name.startswith(WITH_OTHER_SQL)
    ]
    elsewhere = [module for module in modules if module.last != "tables" and not module.last.endswith("repository")]
    assert [place for module in elsewhere for place in module.sql] == []


def test_repositories_know_nothing_of_http() -> None:
    source = package()
    repositories = [module for module in source.of("letta") if module.last.endswith("repository")]
    assert len(repositories) > 30
    imported = {(module.name, name) for module in repositories for name in source.imports(module)}
    assert {pair for pair in imported if pair[1].partition(".")[0] in {"fastapi", "starlette"}} == set()


@pytest.mark.slow
def test_nothing_is_defined_that_nobody_refers_to() -> None:
    """What only tests use is theirs to define, but for `letta.testing`, which is made for them."""
    source = Source(ROOT, ("letta", "tests", "benchmarks", "scripts"))
    shipped = [*source.of("letta"), *source.of("scripts"), *source.of("test_persistence")]
    by_the_package = {each for module in shipped for each in source.references(module)}
    by_anybody = {each for module in source.modules.values() for each in source.references(module)}
    unused = {
        f"{module.name}.{name}"
        for module in source.of("letta")
        if not module.name.startswith(MIGRATIONS)
        for name in module.definitions
        if (module.name, name) not in (by_anybody if module.package == "testing" else by_the_package)
    }
    assert unused - CALLED_BY_NAME.keys() == set()
    assert CALLED_BY_NAME.keys() - unused == set(), "take them out of CALLED_BY_NAME"


def test_no_package_registry_is_named() -> None:
    """Mirrors are common, and the lock's hashes make every source as good as another."""
    named = [name_of(path) for path in tracked() if REGISTRIES.search(path.read_text(errors="replace"))]
    assert named == []


def test_locks_hold_a_hash_of_everything_and_no_address() -> None:
    for lock in (ROOT / "requirements.lock", ROOT / "requirements-dev.lock"):
        text = lock.read_text()
        entries = [entry for entry in re.split(r"\n(?=\S)", text) if "==" in entry]
        assert len(entries) > 40
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
        assert not re.search(r"://|--index-url|--find-links| @ ", text)


def names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[\s<>=!~\[;]", requirement)[0].lower() for requirement in requirements}


def test_locks_hold_all_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    server = {*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["embedded"]}
    locked = names(re.findall(r"^\S+==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    locked_for_tests = names(re.findall(r"^\S+==", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    assert names(server) - locked == set(), "run `make lock`"
    assert names(project["dependency-groups"]["dev"]) - locked_for_tests == set(), "run `make lock`"
    assert locked <= locked_for_tests


@pytest.mark.parametrize("target", ["run", "test", "test-fast", "test-tools", "check", "lock", "clean"])
def test_make_tells_what_it_can_do(target: str) -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +[A-Z]", listed, re.MULTILINE)
