"""Estimates of token counts, for texts that no provider has counted for us.

Models count differently, by up to half as much again for the same text. So the ratio of characters to tokens is learnt
for each model from what its provider counts; until then a cautious one serves.
"""

from collections import OrderedDict
from math import ceil

_BYTES_PER_TOKEN = 4
_WEIGHT_OF_THE_LAST = 0.3
_LEAST_TOKENS = 50
"""Counts below it say more of the frame around a text than of the text."""

_MOST_MODELS = 256
_LEAST_RATIO, _GREATEST_RATIO = 0.5, 12.0
"""Characters per token, beyond which a provider's count can't be meant so."""

_ratios: OrderedDict[str, float] = OrderedDict()


def estimate(text: str) -> int:
    """About how many tokens a text takes: one for every four bytes of UTF-8, rounded up."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def observe(model: str, characters: int, tokens: int) -> None:
    """Learn from a call how a model counts.

    Args:
        model: its handle.
        characters: length of all that was sent: messages and tools.
        tokens: what the provider counted of it, cached ones included. Counts that can't be right are left out, such as
            the zeros of some local servers.
    """
    if tokens < _LEAST_TOKENS or not _LEAST_RATIO <= characters / tokens <= _GREATEST_RATIO:
        return
    seen, before = characters / tokens, _ratios.get(model)
    _ratios[model] = seen if before is None else before + _WEIGHT_OF_THE_LAST * (seen - before)
    _ratios.move_to_end(model)
    while len(_ratios) > _MOST_MODELS:
        _ratios.popitem(last=False)


def estimate_tokens(text: str, model: str) -> int:
    """About how many tokens a text takes for this model (its handle): as it has counted so far, else as `estimate`."""
    ratio = _ratios.get(model)
    return estimate(text) if ratio is None else ceil(len(text) / ratio)
