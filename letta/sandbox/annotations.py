"""Annotations as JSON schema.

An annotation is looked at as a tree; what isn't on the list of known forms is refused. Nothing in it is evaluated.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from letta.json_types import JsonObject
from letta.sandbox.classes import class_schema, field_facts, literal_schema
from letta.sandbox.errors import SchemaError
from letta.sandbox.scope import Scope

MAX_PARTS = 1000
"""Types named in one signature, those inside of classes counted each time they are used."""

_PLAIN: dict[str, JsonObject] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "Any": {},
}
_LISTS = {"list", "List", "Sequence", "MutableSequence", "Iterable", "Collection"}
_SETS = {"set", "Set", "frozenset", "FrozenSet", "AbstractSet", "MutableSet"}
_TUPLES = {"tuple", "Tuple"}
_MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping"}
_TRANSPARENT = {"Required", "NotRequired", "ReadOnly", "Final"}


@dataclass(frozen=True, slots=True)
class Described:
    """A type: its schema, whether None is allowed too, and what its annotation says about it."""

    schema: JsonObject
    optional: bool = False
    description: str | None = None


_Form = Callable[[Sequence[ast.expr], str], Described]


class Describer:
    """Describes the annotations of one source."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._parts = 0
        self._open: list[str] = []
        self._forms: dict[str, tuple[_Form | None, int | None]] = {
            "Optional": (self._optional, 1),
            "Union": (self._union, None),
            "Literal": (self._literal, None),
            "Annotated": (self._annotated, None),
            **dict.fromkeys(_TRANSPARENT, (self._inner, 1)),
            **dict.fromkeys(_LISTS, (self._list, 1)),
            **dict.fromkeys(_SETS, (self._set, 1)),
            **dict.fromkeys(_TUPLES, (self._tuple, None)),
            **dict.fromkeys(_MAPPINGS, (self._mapping, 2)),
        }

    def describe(self, annotation: ast.expr, where: str) -> Described:
        """The type that an annotation means.

        Args:
            annotation: the annotation.
            where: what is annotated, for the message of an error.

        Raises:
            SchemaError: the type can't be described.
        """
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise SchemaError(f"{where} has too many types to describe. Use fewer types, or a plain dict.")
        match annotation:
            case ast.Constant(value=str(text)):
                return self.describe(_parse(text, where), where)
            case ast.BinOp(op=ast.BitOr()):
                return self._union(list(_alternatives(annotation)), where)
            case ast.Subscript():
                return self._generic(annotation, where)
            case ast.Name() | ast.Attribute():
                return self._named(annotation, where)
        raise _unknown(annotation, where)

    def _named(self, node: ast.Name | ast.Attribute, where: str) -> Described:
        if isinstance(node, ast.Name) and node.id in self._scope.classes:
            return self._class(node.id, where)
        if isinstance(node, ast.Name) and node.id in self._scope.aliases:
            return self._alias(node.id, where)
        meaning = self._scope.meaning(node)
        if meaning in _PLAIN:
            return Described(dict(_PLAIN[meaning]))
        if meaning in _LISTS | _TUPLES:
            return Described({"type": "array", "items": {"type": "string"}})
        if meaning in _SETS:
            return Described({"type": "array", "items": {"type": "string"}, "uniqueItems": True})
        if meaning in _MAPPINGS:
            return Described({"type": "object"})
        raise _unknown(node, where)

    def _generic(self, annotation: ast.Subscript, where: str) -> Described:
        arguments = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        form, count = self._forms.get(self._scope.meaning(annotation.value) or "", (None, None))
        if form is None or count not in {None, len(arguments)}:
            raise _unknown(annotation, where)
        return form(arguments, where)

    def _inner(self, arguments: Sequence[ast.expr], where: str) -> Described:
        return self.describe(arguments[0], where)

    def _optional(self, arguments: Sequence[ast.expr], where: str) -> Described:
        return replace(self.describe(arguments[0], where), optional=True)

    def _list(self, arguments: Sequence[ast.expr], where: str) -> Described:
        return Described({"type": "array", "items": self.describe(arguments[0], where).schema})

    def _set(self, arguments: Sequence[ast.expr], where: str) -> Described:
        return Described(self._list(arguments, where).schema | {"uniqueItems": True})

    def _union(self, members: Sequence[ast.expr], where: str) -> Described:
        types = [member for member in members if not _is_none(member)]
        if len(types) != 1:
            raise SchemaError(
                f"{where} allows several types, which not every model understands. Choose one type, or one type and "
                "None, or provide json_schema."
            )
        return replace(self.describe(types[0], where), optional=len(types) < len(members))

    def _literal(self, arguments: Sequence[ast.expr], where: str) -> Described:
        values = [argument for argument in arguments if not _is_none(argument)]
        return Described(literal_schema(values, where), optional=len(values) < len(arguments))

    def _annotated(self, arguments: Sequence[ast.expr], where: str) -> Described:
        described = self.describe(arguments[0], where)
        for note in arguments[1:]:
            match note:
                case ast.Constant(value=str(text)):
                    described = replace(described, description=text)
                case ast.Call(func=function) if self._scope.meaning(function) == "Field":
                    facts = field_facts(note)
                    schema = described.schema | facts.constraints_for(described.schema)
                    described = replace(described, schema=schema, description=facts.description)
        return described

    def _tuple(self, arguments: Sequence[ast.expr], where: str) -> Described:
        match arguments:
            case [item, ast.Constant(value=value)] if value is Ellipsis:
                return Described({"type": "array", "items": self.describe(item, where).schema})
        fixed = [self.describe(argument, where).schema for argument in arguments]
        distinct = [schema for index, schema in enumerate(fixed) if schema not in fixed[:index]]
        # Providers demand `items` of every array, also where `prefixItems` says it all.
        items = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
        return Described(
            {"type": "array", "prefixItems": fixed, "items": items, "minItems": len(fixed), "maxItems": len(fixed)}
        )

    def _mapping(self, arguments: Sequence[ast.expr], where: str) -> Described:
        key, value = arguments
        if self._scope.meaning(key) not in {"str", "Any"}:
            raise SchemaError(
                f"{where} is a mapping whose keys are not text, which JSON does not support. Use dict[str, …]."
            )
        values = self.describe(value, where).schema
        return Described({"type": "object"} | ({"additionalProperties": values} if values else {}))

    def _class(self, name: str, where: str) -> Described:
        with _Visit(self._open, name, where):
            return Described(class_schema(self._scope.classes[name], self._scope, self.describe))

    def _alias(self, name: str, where: str) -> Described:
        with _Visit(self._open, name, where):
            return self.describe(self._scope.aliases[name], where)


class _Visit:
    """Keeps a name on the list of those being described, so that a type inside of itself is noticed."""

    def __init__(self, names: list[str], name: str, where: str) -> None:
        if name in names:
            raise SchemaError(
                f"The type '{name}' of {where} contains itself, which can't be described. Use a plain dict there, or "
                "provide json_schema."
            )
        self._names = names
        self._name = name

    def __enter__(self) -> None:
        self._names.append(self._name)

    def __exit__(self, *_: object) -> None:
        self._names.pop()


def _parse(text: str, where: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SchemaError(f"The annotation of {where} is not valid Python. Correct it.") from error


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    else:
        yield node


def _is_none(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=None) | ast.Constant(value="None") | ast.Name(id="NoneType"):
            return True
    return False


def _unknown(node: ast.expr, where: str) -> SchemaError:
    shown = ast.unparse(node)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return SchemaError(
        f"The type '{shown}' of {where} can't be described. Use str, int, float, bool, list, dict, tuple, Literal, "
        "Optional, or a pydantic model, TypedDict or Enum defined in this source; or provide json_schema."
    )
