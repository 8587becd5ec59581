"""The one error that a tool raises when a model misused it."""


class ToolError(Exception):
    """The call can't be carried out; the message tells the model why and what to do instead."""
