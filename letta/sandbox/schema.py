"""The JSON schema of a tool, derived from its Python source: name, description and parameters."""

import ast
from collections.abc import Iterator

from letta.json_types import JsonObject
from letta.sandbox.annotations import Describer
from letta.sandbox.docstrings import Documentation, read_documentation
from letta.sandbox.errors import SchemaError, SourceError
from letta.sandbox.scope import read_scope
from letta.sandbox.source import FunctionNode, parse_source, tool_function

INJECTED = frozenset({"self", "agent_state"})
"""Parameters that the server fills in; the model is not told of them."""


def function_name(source: str) -> str:
    """Name of the function that is the tool.

    Raises:
        SourceError: the source is no Python or has no function.
    """
    return tool_function(parse_source(source)).name


def derive_schema(source: str) -> JsonObject:
    """The schema of the tool that is the last function of the source.

    Every parameter needs an annotation and an explanation: an entry in the docstring's ``Args:`` section, or one in
    ``Annotated``. Required are those without a default whose type doesn't include None.

    Raises:
        SourceError: the source is no Python or has no function.
        SchemaError: something can't be described; the message names it.
    """
    module = parse_source(source)
    function = tool_function(module)
    documentation = read_documentation(function)
    describer = Describer(read_scope(module))
    try:
        parameters = _parameters(function, documentation, describer)
    except RecursionError as error:
        raise SourceError(f"The types of '{function.name}' are nested too deeply. Make them simpler.") from error
    return _tool(function.name, documentation.description, parameters)


def describe_with(source: str, arguments: JsonObject) -> JsonObject:
    """The schema of the tool when a JSON schema of its arguments is given beside the source.

    Raises:
        SourceError: the source is no Python or has no function.
        SchemaError: the arguments are not an object, or nothing says what the tool does.
    """
    function = tool_function(parse_source(source))
    if arguments.get("type", "object") != "object" or not isinstance(arguments.get("properties", {}), dict):
        raise SchemaError("args_json_schema must be of type 'object', with the arguments as its 'properties'.")
    text = arguments.get("description")
    description = text if isinstance(text, str) and text else read_documentation(function).description
    parameters = {name: value for name, value in arguments.items() if name not in {"title", "description"}}
    return _tool(function.name, description, {"type": "object", "properties": {}, "required": []} | parameters)


def _tool(name: str, description: str, parameters: JsonObject) -> JsonObject:
    return {"name": name, "description": description, "parameters": parameters}


def _parameters(function: FunctionNode, documentation: Documentation, describer: Describer) -> JsonObject:
    properties: JsonObject = {}
    required: list[str] = []
    for parameter, has_default in _named_parameters(function):
        name = parameter.arg
        where = f"parameter '{name}' of '{function.name}'"
        if parameter.annotation is None:
            raise SchemaError(f"The {where} has no type annotation. Add one, such as '{name}: str'.")
        described = describer.describe(parameter.annotation, where)
        text = documentation.parameters.get(name) or described.description
        if not text:
            raise SchemaError(
                f"The {where} is not described. Add a line '{name} (<type>): <meaning>' below 'Args:' in its docstring."
            )
        properties[name] = described.schema | {"description": text}
        if not has_default and not described.optional:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def _named_parameters(function: FunctionNode) -> Iterator[tuple[ast.arg, bool]]:
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        raise SchemaError(
            f"Function '{function.name}' has parameters that can't be passed by name (*args, **kwargs or /), so a "
            "model can't fill them in. Name each parameter."
        )
    first_default = len(arguments.args) - len(arguments.defaults)
    for index, parameter in enumerate(arguments.args):
        if parameter.arg not in INJECTED:
            yield parameter, index >= first_default
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if parameter.arg not in INJECTED:
            yield parameter, default is not None
