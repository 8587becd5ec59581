"""Which part of a context gives way to a summary."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from letta.messages.message import Message

_STEP = 0.10
_CUTTABLE = {"assistant", "approval"}
_SINGLE_EXCHANGE = 3
"""Messages of a context that holds one message and its answer: to keep the answer alone would make nothing shorter."""


@dataclass(frozen=True, slots=True)
class CompactionPlan:
    """The messages that will be summarized, and those that stay as they are (the system message is neither)."""

    evicted: list[Message]
    kept: list[Message]


def plan_compaction(
    context: Sequence[Message],
    mode: str,
    percentage: float,
    window: int,
    tokens_of: Callable[[Message], int],
    *,
    run_id: str | None = None,
) -> CompactionPlan | None:
    """What to summarize of a context whose first message is the system message; None where there is nothing.

    Sliding modes evict ``percentage`` of the messages and a tenth of them more, then by tenths until what stays fits
    into what the percentage leaves of the window. Where that can't be had, in the other modes, and of a single exchange
    all is evicted. A request for approval that waits for its answer always stays, with the row that belongs to it, and
    so do the messages at the end that the run of this id has not answered yet.
    """
    last = _end_of_evictable(context, run_id)
    if last <= 1:
        return None
    if mode.endswith("sliding_window") and last > _SINGLE_EXCHANGE:
        cutoff = _sliding_cutoff(context, last, percentage, window, tokens_of)
        if cutoff is not None:
            return CompactionPlan(list(context[1:cutoff]), list(context[cutoff:]))
    return CompactionPlan(list(context[1:last]), list(context[last:]))


def _end_of_evictable(context: Sequence[Message], run_id: str | None) -> int:
    """The place from which on messages must stay: what waits for an answer, else the end."""
    end = len(context)
    while run_id is not None and end > 1 and context[end - 1].role == "user" and context[end - 1].run_id == run_id:
        end -= 1
    if context and context[-1].role == "approval" and context[-1].approvals is None:
        end -= 1
        if end > 1 and context[end - 1].role == "assistant" and context[end - 1].step_id == context[-1].step_id:
            end -= 1
    return end


def _sliding_cutoff(
    context: Sequence[Message], last: int, percentage: float, window: int, tokens_of: Callable[[Message], int]
) -> int | None:
    room = (1 - percentage) * window
    share = percentage + _STEP
    while share < 1 + _STEP / 2:
        cutoff = min(round(len(context) * share), last - 1)
        while cutoff > 1 and not _may_begin(context[cutoff]):
            cutoff -= 1
        if cutoff > 1 and tokens_of(context[0]) + sum(tokens_of(message) for message in context[cutoff:]) <= room:
            return cutoff
        share += _STEP
    return None


def _may_begin(message: Message) -> bool:
    return message.role in _CUTTABLE and message.approvals is None
