"""An agent's blocks while its tools edit them: read under lock, changed in memory, written back as one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from letta.blocks.block import Block
from letta.database.ids import new_id
from letta.memory_tools.errors import ToolError


class Memory:
    """Blocks by label, with what has changed since they were loaded."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = {block.label: block for block in blocks}
        self.changed: dict[str, Block] = {}
        self.created: dict[str, Block] = {}
        self.detached: dict[str, Block] = {}

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo what is changed within when an error leaves it."""
        state = dict(self._blocks), dict(self.changed), dict(self.created), dict(self.detached)
        try:
            yield
        except ToolError:
            self._blocks, self.changed, self.created, self.detached = state
            raise

    @property
    def labels(self) -> list[str]:
        """Labels of all blocks."""
        return list(self._blocks)

    def read(self, label: str) -> str:
        """The value of a block."""
        return self._find(label).value

    def write(self, label: str, value: str) -> str:
        """Give a block a new value and return it."""
        block = self._editable(label)
        if len(value) > block.limit:
            raise ToolError(
                f"The new value of block '{label}' would have {len(value)} characters, but its limit is {block.limit}. "
                "Write less, or move what is rarely needed to archival memory."
            )
        self._put(replace(block, value=value))
        return value

    def create(self, label: str, value: str, description: str | None) -> None:
        """Add a block to the agent."""
        if label in self._blocks:
            raise ToolError(f"A block '{label}' already exists. Edit it, or choose another name.")
        block = Block(id=new_id("block"), label=label, value=value, description=description)
        if len(value) > block.limit:
            raise ToolError(f"The text has {len(value)} characters, but a block's limit is {block.limit}. Write less.")
        self._blocks[label] = self.created[block.id] = block

    def detach(self, label: str) -> None:
        """Take a block away from the agent; it stays stored."""
        block = self._editable(label)
        del self._blocks[label]
        self.changed.pop(block.id, None)
        if self.created.pop(block.id, None) is None:
            self.detached[block.id] = block

    def rename(self, label: str, new_label: str) -> None:
        """Give a block another label."""
        block = self._editable(label)
        if new_label in self._blocks:
            raise ToolError(f"A block '{new_label}' already exists. Choose another name.")
        del self._blocks[label]
        self._put(replace(block, label=new_label))

    def describe(self, label: str, description: str) -> None:
        """Give a block another description."""
        self._put(replace(self._editable(label), description=description))

    def _put(self, block: Block) -> None:
        self._blocks[block.label] = block
        (self.created if block.id in self.created else self.changed)[block.id] = block

    def _find(self, label: str) -> Block:
        if label not in self._blocks:
            known = ", ".join(f"'{known}'" for known in self._blocks) or "none"
            raise ToolError(f"There is no memory block '{label}'. Blocks of this agent: {known}.")
        return self._blocks[label]

    def _editable(self, label: str) -> Block:
        block = self._find(label)
        if block.read_only:
            raise ToolError(f"Memory block '{label}' is read-only and can't be edited.")
        return block
