"""Classes of a source as JSON schema: pydantic models, typed dictionaries and enumerations."""

import ast
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from letta.json_types import JsonObject
from letta.sandbox.errors import SchemaError
from letta.sandbox.scope import Scope

if TYPE_CHECKING:
    from letta.sandbox.annotations import Described

Describe = Callable[[ast.expr, str], "Described"]

_ENUMS = {"Enum", "StrEnum", "IntEnum"}
_CONSTRAINTS: dict[str, dict[str, str]] = {
    "integer": {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"},
    "string": {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
}
_CONSTRAINTS["number"] = _CONSTRAINTS["integer"]


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What a ``Field(…)`` says, as far as it is written with plain constants."""

    has_default: bool = False
    description: str | None = None
    alias: str | None = None
    keywords: dict[str, Any] = field(default_factory=dict)

    def constraints_for(self, schema: JsonObject) -> JsonObject:
        """The limits on values of this schema's type, in the words of JSON schema."""
        words = _CONSTRAINTS.get(schema.get("type", ""), {})
        return {words[name]: value for name, value in self.keywords.items() if name in words}


def class_schema(node: ast.ClassDef, scope: Scope, describe: Describe) -> JsonObject:
    """The schema of a class.

    Raises:
        SchemaError: it is of no kind that can be described.
    """
    ancestry = _ancestry(node, scope)
    kind = _kind(ancestry, scope)
    if kind == "Enum":
        return _enum_schema(node)
    if kind not in {"BaseModel", "TypedDict"}:
        raise SchemaError(
            f"Class '{node.name}' can't be described. Derive it from pydantic's BaseModel, from TypedDict or from Enum."
        )
    properties: dict[str, JsonObject] = {}
    required: list[str] = []
    for owner, item, name in _fields(ancestry, scope):
        property_name, schema, needed = _field(owner, item, name, scope, describe)
        properties.pop(property_name, None)
        properties[property_name] = schema
        required = [other for other in required if other != property_name] + [property_name] * needed
    text = ast.get_docstring(node)
    described = {"type": "object", "properties": properties, "required": required}
    return described | ({"description": text} if text else {})


def literal_schema(values: Sequence[ast.expr], where: str) -> JsonObject:
    """The schema of a choice between constants: text, whole numbers, true and false.

    Raises:
        SchemaError: one of them is something else, or there are none.
    """
    constants = [_constant(value) for value in values]
    if not constants or not all(isinstance(constant, str | int) for constant in constants):
        raise SchemaError(
            f"The choices of {where} must be text, whole numbers or truth values. Write them as literals."
        )
    types = {type(constant) for constant in constants}
    names = {str: "string", bool: "boolean", int: "integer"}
    # 1 and True are equal in Python, not in JSON.
    unique = list({(type(constant), constant): constant for constant in constants}.values())
    return ({"type": names[types.pop()]} if len(types) == 1 else {}) | {"enum": unique}


def field_facts(call: ast.Call) -> FieldFacts:
    """What a call of ``Field`` says."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    default = call.args[0] if call.args else keywords.get("default")
    plain = {name: _constant(value) for name, value in keywords.items()}
    return FieldFacts(
        has_default="default_factory" in keywords or (default is not None and not _is_ellipsis(default)),
        description=_text(plain.get("description")),
        alias=_text(plain.get("validation_alias")) or _text(plain.get("alias")),
        keywords={name: value for name, value in plain.items() if _is_json(value)},
    )


def _ancestry(node: ast.ClassDef, scope: Scope) -> list[ast.ClassDef]:
    """The class behind all classes of the source that it derives from, each of them once."""
    found: dict[str, ast.ClassDef] = {}
    waiting = [node]
    while waiting:
        current = waiting.pop()
        found.pop(current.name, None)
        found[current.name] = current
        bases = [base.id for base in current.bases if isinstance(base, ast.Name)]
        waiting += [scope.classes[name] for name in bases if name in scope.classes and name not in found]
    return list(reversed(found.values()))


def _kind(ancestry: Sequence[ast.ClassDef], scope: Scope) -> str | None:
    meanings = {scope.meaning(base) for node in ancestry for base in node.bases}
    if meanings & _ENUMS:
        return "Enum"
    return next((kind for kind in ("BaseModel", "TypedDict") if kind in meanings), None)


def _fields(ancestry: Sequence[ast.ClassDef], scope: Scope) -> Iterator[tuple[ast.ClassDef, ast.AnnAssign, str]]:
    for node in ancestry:
        for item in node.body:
            match item:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                    if name[0] != "_" and name != "model_config" and not _is_class_variable(annotation, scope):
                        yield node, item, name


def _field(
    owner: ast.ClassDef, item: ast.AnnAssign, name: str, scope: Scope, describe: Describe
) -> tuple[str, JsonObject, bool]:
    described = describe(item.annotation, f"field '{name}' of class '{owner.name}'")
    facts = FieldFacts(has_default=item.value is not None)
    if isinstance(item.value, ast.Call) and scope.meaning(item.value.func) == "Field":
        facts = field_facts(item.value)
    schema = described.schema | facts.constraints_for(described.schema)
    text = facts.description or described.description
    needed = not facts.has_default and not _may_be_left_out(owner, item.annotation, scope)
    return facts.alias or name, schema | ({"description": text} if text else {}), needed


def _may_be_left_out(owner: ast.ClassDef, annotation: ast.expr, scope: Scope) -> bool:
    """Whether a typed dictionary need not have this key."""
    if isinstance(annotation, ast.Subscript):
        meaning = scope.meaning(annotation.value)
        if meaning in {"Required", "NotRequired"}:
            return meaning == "NotRequired"
    return any(keyword.arg == "total" and _constant(keyword.value) is False for keyword in owner.keywords)


def _is_class_variable(annotation: ast.expr, scope: Scope) -> bool:
    node = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return scope.meaning(node) == "ClassVar"


def _enum_schema(node: ast.ClassDef) -> JsonObject:
    values = [
        item.value
        for item in node.body
        if isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name) and item.targets[0].id[0] != "_"
    ]
    return literal_schema(values, f"class '{node.name}'")


def _constant(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value) if value is not Ellipsis:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    return None


def _is_json(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
