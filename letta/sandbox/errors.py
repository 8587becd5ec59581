"""What can be wrong with the source of a tool."""

from letta.errors import InvalidArgumentError


class SourceError(InvalidArgumentError):
    """The source is no Python, or has no function to call."""


class SchemaError(InvalidArgumentError):
    """Something in the source can't be described to a model. The message names it and says what to write instead."""
