"""Write the reference pages that follow from the code: docs/configuration.md, docs/commands.md, docs/api.md.

With --check it writes nothing, and exits with 1 if one of them isn't current.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.clear()  # the pages must not depend on the settings of whoever writes them

import typer.main  # noqa: E402
from pydantic import AliasChoices, SecretStr  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402

from letta.cli import app as command_line  # noqa: E402
from letta.http.app import create_app  # noqa: E402
from letta.settings import GROUPS, Settings  # noqa: E402
from letta.settings.kinds import SettingsGroup  # noqa: E402

_NOTE = "<!-- Written by scripts/generate_docs.py; change the code that it describes, then run `make docs`. -->"
_VERBS = ("get", "post", "put", "patch", "delete")

_CONFIGURATION = """\
# Configuration

Everything is set by environment variables, read once at start. A blank value counts as unset where a variable has no
default. Where several names are given, the first that is set counts. Numbers are plain (`20`), switches `true` or
`false`. None is needed to try the server on a laptop; [deploy.md](deploy.md) tells which a deployment needs.
"""

_ELSEWHERE = """\
## Read by other parts

- `XDG_DATA_HOME`: the embedded database is kept in `letta/pg` below it when `LETTA_PG_DATA` isn't set and the user
  isn't root (then: `/var/lib/letta/pg`). Default: `~/.local/share`.
- `HOME`: the directory meant by `~`. Nothing else is read or written there.
- `WEB_CONCURRENCY`: ignored, on purpose. One process serves all.
"""


_COMMANDS = """\
# Commands

{purpose}

In a checkout, write `.venv/bin/python -m letta COMMAND`; in the container, `docker exec NAME letta COMMAND`. All
commands read the variables of [configuration.md](configuration.md). `letta --version` prints the version,
`letta COMMAND --help` explains a command.

Exit codes: 0, done; 1, refused or failed, with the reason in one line on standard error, or, where the command's output
is a report, in that report; 2, wrong usage.
"""


def configuration() -> str:
    """The page of all environment variables."""
    parts = [_CONFIGURATION]
    for group in GROUPS:
        rows = "\n".join(_setting_row(group.model_fields[name]) for name in group.__annotations__)
        parts.append(f"## {_heading(group)}\n\n| variable | default | meaning |\n|---|---|---|\n{rows}\n")
    return "\n".join([*parts, _ELSEWHERE])


def _heading(group: type[SettingsGroup]) -> str:
    return (group.__doc__ or "").splitlines()[0]


def _setting_row(field: FieldInfo) -> str:
    names = ", ".join(f"`{name}`" for name in environment_names(field))
    meaning = f"{field.description or ''}{_limits(field)}".replace("|", "\\|").replace("\n", " ")
    return f"| {names} | {_default(field)} | {meaning} |"


def environment_names(field: FieldInfo) -> list[str]:
    """The variables that a setting is read from, the one that counts first."""
    alias = field.validation_alias
    if not isinstance(alias, AliasChoices):
        raise TypeError(f"a setting without environment variables: {field}")
    return [str(choice) for choice in alias.choices]


def _default(field: FieldInfo) -> str:
    if field.default is None:
        return "none (a secret)" if SecretStr in _types(field.annotation) else "none"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    return f"`{value}`" if str(value) else "empty"


def _types(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in {Union, UnionType}:
        return tuple(inner for argument in get_args(annotation) for inner in _types(argument) if inner is not NoneType)
    return (annotation,)


def _limits(field: FieldInfo) -> str:
    bounds = {"ge": "At least", "gt": "More than", "le": "At most", "lt": "Less than"}
    found = [(words, getattr(rule, name, None)) for rule in field.metadata for name, words in bounds.items()]
    return "".join(f" {words} {bound}." for words, bound in found if bound is not None)


def commands() -> str:
    """The page of the command line."""
    program = typer.main.get_group(command_line)
    lines = [_COMMANDS.format(purpose=program.help)]
    for name, command in program.commands.items():
        lines += [f"## `letta {name}`", "", _one_line(command.help or ""), "", *_usage(name, command), ""]
        options = [_option(option) for option in command.params]
        lines += [*options, ""] if options else []
    return "\n".join(lines).rstrip() + "\n"


def _usage(name: str, command: Any) -> list[str]:
    given = [_usage_of(option) for option in command.params]
    return ["```", " ".join(["letta", name, *given]), "```"]


def _usage_of(option: Any) -> str:
    if option.param_type_name == "argument":
        return str(option.name).upper() if option.required else f"[{str(option.name).upper()}]"
    return f"[{option.opts[0]}]" if option.is_flag else f"[{option.opts[0]} {option.metavar}]"


def _option(option: Any) -> str:
    name = str(option.name).upper() if option.param_type_name == "argument" else option.opts[0]
    return f"- `{name}`: {_one_line(option.help or '')}"


def api() -> str:
    """The page of all operations."""
    paths = create_app(Settings()).openapi()["paths"]
    operations = [(path, verb, node) for path, item in paths.items() for verb, node in item.items() if verb in _VERBS]
    rooms = sorted({node["tags"][0] for _, _, node in operations})
    lines = [
        "# Operations",
        "",
        f"The {len(operations)} operations that exist. Paths answer with and without a slash at their end, and under",
        "`/latest` as under `/v1`. Parameters and bodies: `/docs` or `/openapi.json` of a running server.",
        "How they differ from the former upstream server: [compatibility.md](compatibility.md).",
    ]
    for room in rooms:
        lines += ["", f"## {room.capitalize()}", ""]
        lines += [_operation(*found) for found in operations if found[2]["tags"][0] == room]
    return "\n".join(lines) + "\n"


def _operation(path: str, verb: str, node: dict[str, Any]) -> str:
    return f"- `{verb.upper()} {path}` {_one_line(node.get('description') or node['summary'])}"


def _one_line(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def pages() -> dict[Path, str]:
    """The generated pages and what they should contain."""
    docs = ROOT / "docs"
    written = {"configuration.md": configuration(), "commands.md": commands(), "api.md": api()}
    return {docs / name: f"{_NOTE}\n\n{text}" for name, text in written.items()}


def _outdated() -> Iterator[Path]:
    for path, text in pages().items():
        if not path.exists() or path.read_text() != text:
            yield path


def main() -> int:
    """Write or check the pages; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if a page isn't current")
    if parser.parse_args().check:
        outdated = list(_outdated())
        for path in outdated:
            print(f"{path.relative_to(ROOT)} isn't current: run `make docs`.")
        return int(bool(outdated))
    for path, text in pages().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
