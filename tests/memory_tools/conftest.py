"""Blocks of an agent, and calls of memory tools on them."""

from collections.abc import Callable

import pytest

from letta.blocks.block import Block
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import edit_memory
from letta.memory_tools.memory import Memory


class Editor:
    """Calls memory tools as a model would."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def __call__(self, name: str, **arguments: object) -> str:
        return edit_memory(self.memory, name, arguments)

    def error(self, name: str, **arguments: object) -> str:
        """What the model is told of a call that can't be carried out, which has changed nothing."""
        before = self.values()
        with pytest.raises(ToolError) as raised:
            self(name, **arguments)
        assert self.values() == before
        return str(raised.value)

    def values(self) -> dict[str, str]:
        return {label: self.memory.read(label) for label in self.memory.labels}


NewEditor = Callable[..., Editor]


def editor(**values: str) -> Editor:
    """An editor of blocks with these values, by their labels, and of a read-only block."""
    blocks = [Block(id=f"block-{label}", label=label, value=value, limit=100) for label, value in values.items()]
    fixed = Block(id="block-fixed", label="fixed", value="stays", read_only=True)
    return Editor(Memory([*blocks, fixed]))


@pytest.fixture
def new_editor() -> NewEditor:
    return editor
