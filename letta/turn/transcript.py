"""A stretch of conversation as one text, for a model that is to summarize it."""

from collections.abc import Iterator, Sequence

from letta.llm.tokens import estimate
from letta.messages.message import Message

_START, _END = "<transcript>", "</transcript>"
_TURN_SHARE = 0.8
"""Share of the window that the transcript may take; the rest is for the answer and for estimates that are off."""


def transcript(messages: Sequence[Message], *, window_tokens: int) -> str:
    """One line a message, ``[role] text``, between marks. Too long lines are cut, the longest first."""
    lines = [line for message in messages for line in _lines(message)]
    room = max(1, int(window_tokens * _TURN_SHARE))
    limit = max((len(line) for line in lines), default=0)
    while estimate("\n".join(lines)) > room and limit > 80:
        limit //= 2
        lines = [line if len(line) <= limit else line[:limit] + "…" for line in lines]
    while estimate("\n".join(lines)) > room and len(lines) > 1:
        lines = lines[len(lines) // 4 + 1 :]
    return "\n".join([_START, *lines, _END])


def _lines(message: Message) -> Iterator[str]:
    if message.text:
        yield f"[{message.role}] {message.text}"
    for call in message.tool_calls or ():
        yield f"[{message.role}] called {call['name']}({call['arguments']})"
    for returned in message.tool_returns or ():
        yield f"[tool] {returned.get('name')} returned: {returned['tool_return']}"
