"""Callbacks that the former server owed."""

from letta.json_types import JsonObject

_NOT_CALLED = "The former server had not called the URL when this was imported."


def never_called(row: JsonObject) -> JsonObject:
    """A row of ours whose callback isn't due: our server makes those that are, which would be long after the event."""
    called = row["callback_sent_at"] or row["callback_status_code"] or row["callback_error"]
    return row if row["callback_url"] is None or called else row | {"callback_error": _NOT_CALLED}
