"""Write docs/compatibility.md: what the former server's operations are here, by asking a running server for each.

With --check it writes nothing, and exits with 1 if the page isn't current. Differences are described in
scripts/compatibility.toml; whether an operation is served, and why not, the server says itself.
"""

import argparse
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import httpx2  # noqa: E402

from letta.testing.server import ServerProcess  # noqa: E402

PAGE = ROOT / "docs" / "compatibility.md"
_NOTE = "<!-- Written by scripts/compatibility.py; change scripts/compatibility.toml, then run `make docs`. -->"
_REFUSED = {410, 501}
_PARAMETER = re.compile(r"{(\w+)}")
_PREFIXES = {"conversation_id": "conv", "folder_id": "source", "job_id": "job", "mcp_server_id": "mcp_server"}
_UNKNOWN = "00000000-0000-4000-8000-0000000000aa"

Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One operation of the former server."""

    operation: str
    client: str
    state: str
    difference: str


def page(asked: Mapping[str, tuple[int, str]]) -> str:
    """The page, from the statuses and details with which a server answers each operation.

    Raises:
        ValueError: an operation isn't there at all, or a difference is described of one that the other had not.
    """
    described = tomllib.loads((ROOT / "scripts" / "compatibility.toml").read_text())
    differences: list[Json] = described["difference"]
    operations = upstream_operations()
    unknown = {name for one in differences for name in one.get("operations", ())} - set(operations)
    if unknown:
        raise ValueError(f"compatibility.toml speaks of operations that there were not: {sorted(unknown)}")
    rows = [_row(name, operations[name], differences, *asked[name]) for name in operations]
    counts = {state: sum(row.state == state for row in rows) for state in ("same", "better", "refused")}
    return "\n".join(
        [
            "# Compatibility\n",
            _NOTE + "\n",
            described["introduction"].format(total=len(rows), **counts),
            "## Deliberately different\n",
            "| subject | upstream 0.16.8 | here |\n|---|---|---|",
            *(f"| {_cell(one['subject'])} | {_cell(one['upstream'])} | {_cell(one['here'])} |" for one in differences),
            "",
            described["oddities"],
            "## Operation by operation\n",
            described["legend"],
            "| operation | official client | here | difference |\n|---|---|---|---|",
            *(f"| `{row.operation}` | {row.client} | {row.state} | {_cell(row.difference)} |" for row in rows),
            "",
        ]
    )


def _row(name: str, operation: Json, differences: list[Json], status: int, detail: str) -> Row:
    client = f"`{operation['sdk']}`" if operation.get("sdk") else ""
    if status == 405 or (status == 404 and detail == "Not Found"):
        raise ValueError(f"{name} isn't there. Serve it, or answer 501 or 410 and say why.")
    if status in _REFUSED:
        return Row(name, client, "refused", f"{status}: {detail}")
    subjects = [one["subject"] for one in differences if name in one.get("operations", ())]
    if operation.get("hosted_only"):
        subjects.insert(0, "Only the hosted product had it.")
    return Row(name, client, "better" if subjects else "same", " · ".join(subjects))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def upstream_operations() -> dict[str, Json]:
    """What the former server served, and what only the hosted product did: `GET /v1/agents/` and so on."""
    text = (ROOT / "letta" / "testing" / "contract" / "upstream.json").read_text()
    operations: dict[str, Json] = json.loads(text)["operations"]
    return operations


def ask(http: httpx2.Client) -> Iterator[tuple[str, tuple[int, str]]]:
    """How a server answers each operation, asked with ids that nothing has and without what it needs."""
    for name in upstream_operations():
        verb, path = name.split(" ", 1)
        body: Json | None = None if verb in {"GET", "DELETE"} else {}
        with http.stream(verb, _PARAMETER.sub(_made_up, path), json=body) as answer:
            yield name, (answer.status_code, _detail(answer))


def _made_up(parameter: re.Match[str]) -> str:
    name = parameter[1]
    return f"{_PREFIXES.get(name, name.removesuffix('_id'))}-{_UNKNOWN}" if name.endswith("_id") else "unknown"


def _detail(answer: httpx2.Response) -> str:
    if answer.status_code < 400:
        return ""
    try:
        told = json.loads(answer.read())
    except ValueError:
        return ""
    return str(told.get("detail", "")) if isinstance(told, dict) else ""


def answers(environment: Mapping[str, str] | None = None) -> dict[str, tuple[int, str]]:
    """The same of a server of its own; without an environment on an embedded database."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="letta-compatibility-")))
        server = stack.enter_context(ServerProcess(environment or {}, directory=directory))
        return dict(ask(stack.enter_context(httpx2.Client(base_url=server.url, timeout=60, trust_env=False))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    current = page(answers())
    if not parser.parse_args().check:
        PAGE.write_text(current)
    elif PAGE.read_text() != current:
        sys.exit("docs/compatibility.md isn't current. Run `make docs`.")


if __name__ == "__main__":
    main()
