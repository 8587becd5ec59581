"""Programs that agents write (`run_code`), under the engines that can be had here."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from letta.sandbox.errors import SourceError
from letta.sandbox.sandbox import Sandbox
from letta.settings import Settings
from letta.tools.code import as_tool, run_code
from letta.tools.registry import RUN_CODE

ENGINES = ["monty", *(["process"] if sys.platform == "linux" else [])]


def sandbox_of(engine: str, directory: Path) -> Sandbox:
    values: dict[str, Any] = {"tool_sandbox": engine, "tool_exec_dir": directory / "tools", "tool_memory_mb": 400}
    return Sandbox(Settings.model_construct(host=None, render=False, tool_sandbox_timeout=20, **values))


@pytest.fixture(params=ENGINES)
async def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandbox]:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    made = sandbox_of(request.param, tmp_path)
    yield made
    await made.close()


PROGRAMS: dict[str, tuple[str, list[Any], str]] = {
    "last value": ("x = 20\nx * 2 + 2", [42], ""),
    "printed": ("for i in range(3):\n    print(i)", [], "0\n1\n2\n"),
    "both": ("print('ü'); [1, 2]", [[1, 2]], "ü\n"),
    "several lines": ("def square(x):\n    return x * x\n\n(square(3)\n + 'äöü'.find('ü'))  # said\n", [11], ""),
    "global names": ("n = 0\ndef more():\n    global n\n    n += 1\nmore()\nmore()\nn", [2], ""),
    "as a script": ("def main():\n    print('hi')\n\nif __name__ == '__main__':\n    main()\n", [], "hi\n"),
    "windows": ("x = 1\r\nx + 1\r\n", [2], ""),
    "nothing": ("", [], ""),
    "only words": ("# nothing to do", [], ""),
    "no value": ("print('x')", [], "x\n"),
    "future": ("from __future__ import annotations\nimport math\nmath.floor(2.5)", [2], ""),
    "a name of ours": ("def run_code():\n    return 1\nrun_code() + 1", [2], ""),
}


@pytest.mark.parametrize(("code", "results", "printed"), PROGRAMS.values(), ids=PROGRAMS)
async def test_what_a_program_comes_to(sandbox: Sandbox, code: str, results: list[Any], printed: str) -> None:
    ran = await run_code(sandbox, code, "python")
    stdout = [printed] if printed else []
    assert json.loads(ran.text) == {"results": results, "logs": {"stdout": stdout, "stderr": []}}
    assert (ran.status, ran.stdout, ran.stderr) == ("success", stdout, [])


async def test_an_error_is_told_with_what_was_printed_and_its_line(sandbox: Sandbox) -> None:
    ran = await run_code(sandbox, "print('before')\n\n1 / 0\n", "Python")
    told = json.loads(ran.text)
    assert ran.status == "error"
    assert told["error"].startswith("ZeroDivisionError: division by zero")
    assert (told["results"], told["logs"]["stdout"]) == ([], ["before\n"])
    assert "line 3" in told["logs"]["stderr"][0]


@pytest.mark.parametrize("code", ["def f(:", "x = (", "\udc00", "(" * 5000])
async def test_what_is_no_program_is_told(sandbox: Sandbox, code: str) -> None:
    ran = await run_code(sandbox, code, "python")
    assert ran.status == "error"
    assert json.loads(ran.text)["error"].startswith("SyntaxError: the code ")


async def test_nothing_of_the_agent_or_the_server_is_there(sandbox: Sandbox) -> None:
    ran = await run_code(sandbox, "import os\nsorted(os.environ)", "python")
    names = json.loads(ran.text)["results"][0]
    assert [name for name in names if "LETTA" in name or "KEY" in name or "PG" in name] == []
    assert json.loads((await run_code(sandbox, "client", "python")).text)["error"]


async def test_no_call_sees_what_an_earlier_one_left(sandbox: Sandbox) -> None:
    assert (await run_code(sandbox, "kept = 1", "python")).status == "success"
    assert "NameError" in json.loads((await run_code(sandbox, "kept", "python")).text)["error"]


@pytest.mark.parametrize("language", ["js", "ts", "r", "java", "cobol"])
async def test_another_language_is_refused_by_name(tmp_path: Path, language: str) -> None:
    ran = await run_code(sandbox_of("monty", tmp_path), "1", language)
    error = json.loads(ran.text)["error"]
    assert (ran.status, f"'{language}' is not supported" in error) == ("error", True)
    for name in ("only runs Python", "LETTA_TOOL_SANDBOX", "E2B_API_KEY"):
        assert name in error


@pytest.mark.parametrize(
    ("engine", "names"), [("off", ["LETTA_TOOL_SANDBOX=off"]), ("e2b", ["LETTA_TOOL_SANDBOX", "e2b"])]
)
async def test_an_engine_that_can_not_run_it_is_named(tmp_path: Path, engine: str, names: list[str]) -> None:
    sandbox = sandbox_of(engine, tmp_path)
    ran = await run_code(sandbox, "1", "python")
    assert ran.status == "error"
    for name in names:
        assert name in json.loads(ran.text)["error"]


def test_lines_stay_where_they_are() -> None:
    code = "a = 1\n\nif __name__ == '__main__':\n    a = 2\n\na\n"
    told = as_tool(code).split("\n")
    assert told[2] == "if True or (__name__ == '__main__'):"
    assert told[5] == "letta_result_of_the_code = (a)"


def test_a_program_may_be_as_long_as_a_tool() -> None:
    with pytest.raises(SourceError):
        as_tool("#" * 300_000)


def test_it_is_described_as_clients_know_it() -> None:
    assert RUN_CODE.tool_type == "letta_builtin"
    assert RUN_CODE.parameters["required"] == ["code", "language"]
    assert RUN_CODE.parameters["properties"]["language"]["enum"] == ["python", "js", "ts", "r", "java"]
