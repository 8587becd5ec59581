"""The tool `run_code`: a program that the agent writes, run where custom tools run."""

import ast
import asyncio
import json
from typing import TYPE_CHECKING, Any

from letta.database.text import storable
from letta.sandbox.errors import SourceError
from letta.sandbox.execution import Execution, Outcome
from letta.sandbox.source import parse_source

if TYPE_CHECKING:
    from letta.sandbox.sandbox import Sandbox
    from letta.tools.calls import ToolRun

FUNCTION = "run_code"
_RESULT = "letta_result_of_the_code"
_PYTHON = {"python", "py", "python3"}
_MAIN = "__main__"


async def run_code(sandbox: "Sandbox", code: str, language: str) -> "ToolRun":
    """Run a program, in the sandbox that the settings choose, with nothing of the agent's.

    Args:
        sandbox: where.
        code: the program. The value of its last line counts as its result, if that is an expression.
        language: what it is written in.
    """
    if language.strip().lower() not in _PYTHON:
        return _told(Outcome(error=_no_such_language(language)))
    try:
        source = await asyncio.to_thread(as_tool, code)
    except SourceError as error:
        return _told(Outcome(error=f"SyntaxError: {error.detail.replace('source_code', 'the code')}"))
    return _told(await sandbox.run(Execution(source, FUNCTION, {}, {}, sandbox.seconds)))


def as_tool(code: str) -> str:
    """The source of a tool that does what the program does, in the same lines, and returns its result.

    Raises:
        SourceError: it is no Python, or too long.
    """
    module = parse_source(code)
    lines = code.replace("\r\n", "\n").replace("\r", "\n").encode().split(b"\n")
    last = module.body[-1] if module.body else None
    for node in reversed(module.body):  # so that what is changed moves nothing that is still to be
        if isinstance(node, ast.If) and _asks_for_main(node):
            _enclose(lines, node.test, b"True or (", b")")
        elif node is last and isinstance(node, ast.Expr):
            _enclose(lines, node, f"{_RESULT} = (".encode(), b")")
    result = _RESULT if isinstance(last, ast.Expr) else "None"
    return b"\n".join(lines).decode() + f"\n\ndef {FUNCTION}():\n    return {result}\n"


def _enclose(lines: list[bytes], node: ast.expr | ast.stmt, before: bytes, after: bytes) -> None:
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    lines[last] = lines[last][: node.end_col_offset] + after + lines[last][node.end_col_offset :]
    lines[first] = lines[first][: node.col_offset] + before + lines[first][node.col_offset :]


def _asks_for_main(node: ast.If) -> bool:
    """Whether it is ``if __name__ == "__main__"``, which holds for no tool, but is meant to for a program."""
    match node.test:
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant(value)]):
            return value == _MAIN
    return False


def _no_such_language(language: str) -> str:
    return (
        f"ValueError: '{language[:40]}' is not supported. This server only runs Python, whatever LETTA_TOOL_SANDBOX "
        "and E2B_API_KEY are set to. Write the program in Python, and call again with language python."
    )


def _told(outcome: Outcome) -> "ToolRun":
    from letta.tools.calls import ToolRun

    stdout, stderr = ([storable(text)] if text else [] for text in (outcome.stdout, outcome.stderr))
    told: dict[str, Any] = {"results": [], "logs": {"stdout": stdout, "stderr": stderr}}
    if outcome.error is not None:
        told["error"] = storable(outcome.error)
        return ToolRun("error", json.dumps(told, ensure_ascii=False), None, stdout, stderr or [told["error"]])
    if outcome.value is not None:
        told["results"].append(storable(outcome.value))
    return ToolRun("success", json.dumps(told, ensure_ascii=False), outcome.value, stdout, stderr)
