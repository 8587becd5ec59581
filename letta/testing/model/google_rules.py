"""What the Gemini API refuses, as far as a client can get it wrong.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures, https://ai.google.dev/gemini-api/docs/function-calling
"""

import re
from collections.abc import Iterator
from typing import Any

from letta.testing.model.pieces import sign

_VERSION = re.compile(r"gemini-(\d+)")
_LEAVE_OUT = "skip_thought_signature_validator"


def signs(model: str) -> bool:
    """Whether models of this name sign their calls."""
    found = _VERSION.search(model)
    return found is not None and int(found[1]) >= 3


def signature_of(model: str, what: str) -> str:
    """The signature of something that a model said or called."""
    return sign(model, what)


def objection_to(body: Any, model: str) -> str | None:
    """What is wrong with a request, in the API's words."""
    return next(_objections(body, model), None)


def _objections(body: Any, model: str) -> Iterator[str]:
    contents = body.get("contents")
    if not contents:
        yield "GenerateContentRequest.contents: contents is not specified"
        return
    if contents[0]["role"] != "user" or contents[-1]["role"] != "user":
        yield "Please ensure that multiturn requests begin and end with a user role."
    yield from _about_settings(body, model)
    for index, content in enumerate(contents):
        yield from _about_content(index, content, contents, model)


def _about_settings(body: Any, model: str) -> Iterator[str]:
    generation = body.get("generationConfig", {})
    thinking = generation.get("thinkingConfig", {})
    if signs(model) and "thinkingBudget" in thinking:
        yield "Thinking budget is not supported for this model. Use thinking level."
    if not signs(model) and "thinkingLevel" in thinking:
        yield "Thinking level is not supported for this model."
    if generation.get("responseMimeType") == "application/json" and body.get("tools") and not signs(model):
        yield "Function calling with a response mime type: 'application/json' is unsupported"
    for tool in body.get("tools", ()):
        for declared in tool["functionDeclarations"]:
            if "$schema" in declared.get("parametersJsonSchema", {}):
                yield 'Invalid JSON payload received. Unknown name "$schema".'


def _about_content(index: int, content: Any, contents: Any, model: str) -> Iterator[str]:
    parts = content["parts"]
    calls = [part for part in parts if "functionCall" in part]
    following = contents[index + 1]["parts"] if index + 1 < len(contents) else []
    responses = [part for part in following if "functionResponse" in part]
    if len(responses) != len(calls) or (calls and len(responses) != len(following)):
        yield (
            "Please ensure that the number of function response parts is equal to the number of function call parts "
            "of the function call turn."
        )
    if calls and index and contents[index - 1]["role"] == "model":
        yield "Please ensure that function call turn comes immediately after a user turn."
    if calls and signs(model):
        signature = calls[0].get("thoughtSignature")
        name = calls[0]["functionCall"]["name"]
        if signature is None:
            yield f"Function call is missing a thought_signature in functionCall parts: `{name}`."
        elif signature not in {_LEAVE_OUT, signature_of(model, name)}:
            yield "Corrupted thought signature."
