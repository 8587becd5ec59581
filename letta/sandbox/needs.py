"""What a source asks its surroundings for."""

import ast
from dataclasses import dataclass

from letta.sandbox.source import FunctionNode, parse_source, tool_function

AGENT_STATE = "agent_state"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a tool is to be given beside its arguments.

    Attributes:
        function: the name of the function to call.
        agent_state: whether it has a parameter of that name.
        client: whether the source uses a client that it doesn't make itself.
    """

    function: str
    agent_state: bool
    client: bool


def needs_of(source: str, name: str | None = None) -> Needs:
    """What a source asks for.

    Args:
        source: the source.
        name: the function to call, if there is one of that name at the top; else the last is.

    Raises:
        SourceError: the source is no Python or has no function.
    """
    module = parse_source(source)
    function = _named(module, name) or tool_function(module)
    parameters = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    uses = stores = False
    for node in ast.walk(module):
        match node:
            case ast.Name(id="client", ctx=ast.Load()):
                uses = True
            case ast.Name(id="client") | ast.arg(arg="client") | ast.alias(asname="client"):
                stores = True
            case ast.alias(name="client", asname=None) | ast.FunctionDef(name="client") | ast.ClassDef(name="client"):
                stores = True
    return Needs(function.name, AGENT_STATE in parameters, uses and not stores)


def _named(module: ast.Module, name: str | None) -> FunctionNode | None:
    for node in reversed(module.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
    return None
