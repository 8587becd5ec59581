"""What Gemini models accept, by their names.

Source: https://ai.google.dev/gemini-api/docs/thinking, https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import re

from letta.json_types import JsonObject
from letta.llm.content import thinks

_NAME = re.compile(r"gemini-(?P<major>\d+)(?:\.(?P<minor>\d+))?")
_NEWEST = (99, 0)
_DEFAULT_BUDGET = 1024
_LEAST_PRO_BUDGET = 128
_LEAST_LITE_BUDGET = 512
_MUCH = 4096
_LEVELS = {"low", "medium", "high"}


def version_of(model: str) -> tuple[int, int]:
    """The generation of a model. Names without one, such as ``gemini-flash-latest``, stand for the newest."""
    found = _NAME.search(model)
    return (int(found["major"]), int(found["minor"] or 0)) if found else _NEWEST


def signs_calls(model: str) -> bool:
    """Whether a call has to come back with the signature of the thoughts that led to it."""
    return version_of(model) >= (3, 0)


def formats_beside_tools(model: str) -> bool:
    """Whether answers can be held to a schema while there are tools."""
    return version_of(model) >= (3, 0)


def thinking_config(config: JsonObject) -> JsonObject | None:
    """Whether and how long to think: models up to 2.5 take a number of tokens, later ones a level."""
    model, on = str(config["model"]), thinks(config)
    version = version_of(model)
    if version < (2, 5):
        return None
    if version < (3, 0):
        return {"includeThoughts": on, "thinkingBudget": _budget(model, config) if on else _least_budget(model)}
    level = _level(config) if on else "low"
    return {"includeThoughts": on} | ({"thinkingLevel": level} if level else {})


def _budget(model: str, config: JsonObject) -> int:
    wanted = config.get("max_reasoning_tokens") or _DEFAULT_BUDGET
    if wanted < 0:
        return -1  # as many as the model thinks it needs
    return max(wanted, _LEAST_LITE_BUDGET if "lite" in model else _least_budget(model))


def _least_budget(model: str) -> int:
    return _LEAST_PRO_BUDGET if "pro" in model else 0


def _level(config: JsonObject) -> str | None:
    """The level chosen; None for the model's own."""
    effort, budget = config.get("reasoning_effort"), config.get("max_reasoning_tokens") or 0
    if effort in _LEVELS:
        return str(effort)
    if budget <= 0:
        return None
    return "high" if budget > _MUCH else "low"
