"""Reading a tool's source. It is parsed and looked at, never compiled, imported or run."""

import ast

from letta.sandbox.errors import SourceError

MAX_SOURCE_CHARACTERS = 200_000

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def parse_source(source: str) -> ast.Module:
    """The syntax tree of a source.

    Raises:
        SourceError: it is no Python, or too long.
    """
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise SourceError(
            f"source_code has {len(source)} characters, but only {MAX_SOURCE_CHARACTERS} are allowed. Move data out of "
            "the source."
        )
    try:
        return ast.parse(source)
    except SyntaxError as error:
        where = f" in line {error.lineno}" if error.lineno else ""
        raise SourceError(f"source_code is not valid Python: {error.msg}{where}. Correct it.") from error
    except ValueError as error:
        raise SourceError("source_code contains a character that is not allowed in source code. Remove it.") from error
    except (RecursionError, MemoryError) as error:
        raise SourceError("source_code is nested too deeply to be read. Make it simpler.") from error


def tool_function(module: ast.Module) -> FunctionNode:
    """The function that is the tool: the last one at the top of the source.

    Raises:
        SourceError: there is none.
    """
    for node in reversed(module.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return node
    raise SourceError("source_code contains no function. Define one at the top level; the last one is the tool.")
