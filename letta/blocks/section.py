"""The section of the system message that shows an agent's blocks."""

from collections.abc import Sequence

from letta.agents.agent_types import traits_of
from letta.blocks.block import Block

_INTRODUCTION = (
    "These blocks are your core memory. You always see them, and you keep them up to date with your memory tools:"
)
_LINE_WARNING = "Line numbers are shown for orientation only. Never write them in a tool call."


def render_blocks(agent_type: str, endpoint_type: str | None, blocks: Sequence[Block]) -> str | None:
    """The ``<memory_blocks>`` section, or None where the agent has none."""
    traits = traits_of(agent_type)
    if not traits.sees_blocks or not blocks:
        return None
    numbered = endpoint_type == "anthropic" and traits.sees_numbered_lines
    shown = "\n\n".join(_render(block, numbered=numbered) for block in blocks)
    return f"<memory_blocks>\n{_INTRODUCTION}\n\n{shown}\n\n</memory_blocks>"


def _render(block: Block, *, numbered: bool) -> str:
    metadata = ["- read_only=true"] if block.read_only else []
    metadata += [f"- chars_current={len(block.value)}", f"- chars_limit={block.limit}"]
    lines = [
        f"<{block.label}>",
        "<description>",
        block.description or "",
        "</description>",
        "<metadata>",
        *metadata,
        "</metadata>",
    ]
    value = block.value
    if numbered:
        lines.append(f"<warning>\n{_LINE_WARNING}\n</warning>")
        value = "\n".join(f"{number}→ {line}" for number, line in enumerate(value.split("\n"), 1))
    return "\n".join([*lines, "<value>", value, "</value>", f"</{block.label}>"])
