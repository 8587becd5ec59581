"""Google-style docstrings: what a tool does and what its parameters mean."""

import ast
from dataclasses import dataclass

from letta.sandbox.errors import SchemaError
from letta.sandbox.source import FunctionNode


@dataclass(frozen=True, slots=True)
class Documentation:
    """The parts of a docstring that a model is told."""

    description: str
    parameters: dict[str, str]


def read_documentation(function: FunctionNode) -> Documentation:
    """What the docstring of a function says.

    Raises:
        SchemaError: there is none, or a section of it can't be read.
    """
    from docstring_parser import DocstringStyle, ParseError, parse

    text = ast.get_docstring(function)
    if not text or not text.strip():
        raise SchemaError(
            f"Function '{function.name}' has no docstring. Add one that says what it does, "
            "with an 'Args:' section that explains each parameter."
        )
    try:
        parsed = parse(text, style=DocstringStyle.GOOGLE)
    except ParseError as error:
        raise SchemaError(
            f"The docstring of '{function.name}' can't be parsed: {error} Write each section in Google style: 'Args:' "
            "on a line of its own, followed by one indented line '<parameter> (<type>): <meaning>' for each parameter."
        ) from error
    examples = [example.description for example in parsed.examples if example.description]
    parts = [parsed.short_description, parsed.long_description]
    if examples:
        parts.append("Examples:\n" + "\n".join(examples))
    return Documentation(
        description="\n\n".join(part for part in parts if part),
        parameters={item.arg_name: item.description or "" for item in parsed.params if item.args[0] == "param"},
    )
