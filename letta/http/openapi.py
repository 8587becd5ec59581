"""The description of the API, with errors as they are answered."""

from letta.json_types import JsonObject

_PROBLEM = "Problem"
_FRAMEWORKS = ("HTTPValidationError", "ValidationError")
"""Schemas of errors that the framework would answer, and we don't."""
_SCHEMA: JsonObject = {
    "title": _PROBLEM,
    "description": "What went wrong, and what to do about it.",
    "type": "object",
    "anyOf": [{"required": ["detail"]}, {"required": ["error"]}],
    "properties": {
        "detail": {
            "description": "A sentence that names the field or setting at fault, or an object where programs need "
            "more.",
            "anyOf": [{"type": "string"}, {"type": "object"}],
        },
        "error": {"type": "object", "description": "A failure of the language model's provider."},
        "trace_id": {"type": "string"},
        "run_id": {
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "description": "The run that holds the conversation.",
        },
        "examples": {"type": "array", "items": {"type": "string"}, "description": "Examples of well-formed ids."},
    },
}
_ANSWERS = {
    "422": "A parameter or field is missing, unknown or malformed.",
    "default": "Any other failure.",
}


def with_errors(document: JsonObject) -> JsonObject:
    """The document, every operation of which names the form of its errors."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FRAMEWORKS:
        schemas.pop(name, None)
    schemas[_PROBLEM] = _SCHEMA
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}}
    answers = {status: {"description": text, "content": content} for status, text in _ANSWERS.items()}
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"] = operation["responses"] | answers
    return document
