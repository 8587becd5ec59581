"""What is more than reading and writing a block."""

from letta.blocks import repository
from letta.blocks.block import Block
from letta.blocks.schemas import CreateBlock


def to_new_block(body: CreateBlock) -> Block:
    """The block that a request to create one describes; it isn't stored yet."""
    values = body.model_dump()
    values["metadata"] = values["metadata"] or {}
    values["tags"] = values["tags"] or []
    values["preserve_on_migration"] = bool(values["preserve_on_migration"])
    return repository.new_block(**values)
