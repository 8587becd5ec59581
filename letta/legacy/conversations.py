"""Conversations, and which messages the model sees in each."""

from collections.abc import Iterable

from letta.agents.model_settings import ModelSettings
from letta.conversations.tables import context_messages, conversations, conversations_blocks, shared_messages
from letta.json_types import JsonObject
from letta.legacy.checked import checked
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, default_conversation_id, grouped, owned, parsed, parsed_texts


def _conversations(reading: Reading, rows: list[JsonObject]) -> Rows:
    """Rows of deleted conversations are kept, as here: their runs were made in them."""
    live = [row["id"] for row in rows if not row["is_deleted"]]
    columns = ("conversation_id", "block_id", "block_label")
    isolated = reading.related("blocks_conversations", columns, "conversation_id", live)
    return [
        (conversations, [_conversation(reading, row) for row in rows]),
        (
            conversations_blocks,
            [
                {"conversation_id": row["conversation_id"], "block_id": row["block_id"], "label": row["block_label"]}
                for row in isolated
            ],
        ),
    ]


def _conversation(reading: Reading, row: JsonObject) -> JsonObject:
    made = owned(row)
    settings = parsed(row["model_settings"])
    same = {name: row[name] for name in ("agent_id", "summary", "model", "last_message_at")}
    deleted_at = made["updated_at"] if row["is_deleted"] else None
    return (
        made
        | same
        | {
            "is_default": False,
            "model_settings": checked(reading, row["id"], "Model settings of a conversation", ModelSettings, settings),
            "deleted_at": deleted_at,
        }
    )


def _default_contexts(reading: Reading, rows: list[JsonObject]) -> Rows:
    wanted = {default_conversation_id(row["id"]): parsed_texts(row["message_ids"]) for row in rows}
    known = _known(reading, [message_id for ids in wanted.values() for message_id in ids])
    contexts: list[JsonObject] = []
    for row in rows:
        conversation_id = default_conversation_id(row["id"])
        ids = wanted[conversation_id]
        there = [message_id for message_id in ids if message_id in known]
        if len(there) < len(ids):
            missing = len(ids) - len(there)
            reading.notes.add("Messages that contexts refer to, but that do not exist", row["id"], missing)
        contexts += _context(conversation_id, there)
    return [(context_messages, contexts)]


def _contexts(reading: Reading, rows: list[JsonObject]) -> Rows:
    agents = {row["id"] for row in reading.related("agents", ("id",), "id", {row["agent_id"] for row in rows})}
    ids = [row["id"] for row in rows if row["agent_id"] in agents]
    found = reading.related("conversation_messages", _LINK, "conversation_id", ids, order="position")
    known = _known(reading, [row["message_id"] for row in found])
    links = grouped((row for row in found if row["message_id"] in known), "conversation_id")
    if len(known) < len({row["message_id"] for row in found}):
        missing = [row for row in found if row["message_id"] not in known]
        reading.notes.add(
            "Messages that contexts refer to, but that do not exist", missing[0]["conversation_id"], len(missing)
        )
    contexts: list[JsonObject] = []
    shared: list[JsonObject] = []
    for conversation_id, linked in links.items():
        contexts += _context(conversation_id, (row["message_id"] for row in linked if row["in_context"]))
        shared += [
            {"conversation_id": conversation_id, "message_id": message_id}
            for message_id in dict.fromkeys(row["message_id"] for row in linked)
            if known[message_id] != conversation_id
        ]
    return [(context_messages, contexts), (shared_messages, shared)]


def _context(conversation_id: str, message_ids: Iterable[str]) -> list[JsonObject]:
    return [
        {"conversation_id": conversation_id, "position": position, "message_id": message_id}
        for position, message_id in enumerate(dict.fromkeys(message_ids))
    ]


def _known(reading: Reading, message_ids: list[str]) -> dict[str, str | None]:
    """Those of these messages that there are, and the conversations that they were made in."""
    found = reading.related("messages", ("id", "agent_id", "conversation_id"), "id", set(message_ids))
    agents = {row["id"] for row in reading.related("agents", ("id",), "id", {row["agent_id"] for row in found})}
    return {row["id"]: row["conversation_id"] for row in found if row["agent_id"] in agents}


_LINK = ("conversation_id", "message_id", "position", "in_context")

CONVERSATIONS = Section(
    "conversations",
    Table(
        "conversations",
        ("id", "agent_id", "summary", "model", "model_settings", "last_message_at", "is_deleted", *AUDIT),
        deleted=True,
    ),
    _conversations,
    derived={"conversations": ("system_digest",)},
)
DEFAULT_CONTEXTS = Section(
    "contexts of agents", Table("agents", ("id", "message_ids"), large=("message_ids",), rows=100), _default_contexts
)
CONTEXTS = Section("contexts of conversations", Table("conversations", ("id", "agent_id"), rows=50), _contexts)
