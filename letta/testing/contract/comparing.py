"""What differs between two descriptions of an API, each in the compact form of `upstream.json`.

A type is a list of alternatives: `string`, `integer`, …; `=value` for one that is named; `#Name` for a type described
elsewhere; `["list", …]` and `["map", …]` with the alternatives of what is in them; `{"fields": …}`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
Alternatives = list[Any]
_VERBS = ("get", "post", "put", "patch", "delete")


def compact(openapi: Mapping[str, Any]) -> Json:
    """The compact form of a description of an API."""
    operations = {
        f"{verb.upper()} {path}": _operation(operation)
        for path, verbs in openapi["paths"].items()
        for verb, operation in verbs.items()
        if verb in _VERBS
    }
    types = {name: _described(schema) for name, schema in openapi["components"]["schemas"].items()}
    return {"operations": operations, "types": types}


def _operation(operation: Mapping[str, Any]) -> Json:
    found: Json = {}
    asked = {
        given["name"]: _type(given["schema"]) for given in operation.get("parameters", ()) if given["in"] == "query"
    }
    if asked:
        found["query"] = asked
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        found["body"] = [kind, _type(content.get("schema", {}))]
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            found["status"] = int(status)
            if "application/json" in response.get("content", {}):
                found["answer"] = _type(response["content"]["application/json"].get("schema", {}))
            break
    return found


def _described(schema: Mapping[str, Any]) -> Json:
    return {"fields": _fields(schema)} if "properties" in schema else {"is": _type(schema)}


def _fields(schema: Mapping[str, Any]) -> dict[str, Alternatives]:
    return {name: _type(field) for name, field in schema["properties"].items()}


def _type(schema: Mapping[str, Any]) -> Alternatives:
    if "$ref" in schema:
        return [f"#{schema['$ref'].rpartition('/')[2]}"]
    for combined in ("anyOf", "oneOf"):
        if combined in schema:
            return [alternative for one in schema[combined] for alternative in _type(one)]
    if "allOf" in schema and len(schema["allOf"]) == 1:
        return _type(schema["allOf"][0])
    if "const" in schema or "enum" in schema:
        return [f"={value}" for value in schema.get("enum", [schema.get("const")])]
    return _plain(schema)


def _plain(schema: Mapping[str, Any]) -> Alternatives:
    match schema.get("type"):
        case "array":
            return [["list", *_type(schema.get("items", {}))]]
        case "object" if "properties" in schema:
            return [{"fields": _fields(schema)}]
        case "object" if schema.get("additionalProperties") not in (None, True, False, {}):
            return [["map", *_type(schema["additionalProperties"])]]
        case None:
            return ["any"]
        case plain:
            return [plain]


class Comparison:
    """Compares our description with upstream's: whatever upstream takes or tells, we take or tell."""

    def __init__(self, ours: Json, upstream: Json) -> None:
        self._ours, self._upstream = ours, upstream

    def differences(self, operation: str, own: Json) -> Iterator[str]:
        """What an operation lacks, or has otherwise; each as a path into it and what is wrong there."""
        wanted = self._upstream["operations"][operation]
        for name, alternatives in wanted.get("query", {}).items():
            if name not in own.get("query", {}):
                yield f"query.{name}: missing"
            else:
                yield from self._taken(f"query.{name}", own["query"][name], alternatives, frozenset())
        if "body" in wanted:
            if "body" not in own:
                yield "body: missing"
            else:
                yield from self._taken("body", own["body"][1], wanted["body"][1], frozenset())
        if "answer" in wanted:
            if "answer" not in own:
                yield "answer: not described"
            else:
                yield from self._told("answer", own["answer"], wanted["answer"], frozenset())
        if own.get("status") != wanted.get("status"):
            yield f"status: {own.get('status')} instead of {wanted.get('status')}"

    def _taken(self, at: str, own: Alternatives, wanted: Alternatives, seen: frozenset[str]) -> Iterator[str]:
        """What a client may send to upstream, but not to us."""
        yield from self._compare(at, own, wanted, seen, narrow=False)

    def _told(self, at: str, own: Alternatives, wanted: Alternatives, seen: frozenset[str]) -> Iterator[str]:
        """What a client is told by upstream, but not by us; and what only we tell in place of it."""
        yield from self._compare(at, own, wanted, seen, narrow=True)

    def _compare(
        self, at: str, own: Alternatives, wanted: Alternatives, seen: frozenset[str], *, narrow: bool
    ) -> Iterator[str]:
        ours, theirs = self._resolved(own, self._ours), self._resolved(wanted, self._upstream)
        if "any" in ours.plain or "any" in theirs.plain:
            return
        more, less = (ours, theirs) if narrow else (theirs, ours)
        beyond = {kind for kind in more.plain if not less.has(kind)}
        if beyond:
            yield f"{at}: {'we answer' if narrow else 'we refuse'} {', '.join(sorted(beyond))}"
        if theirs.items is not None and ours.items is None:
            yield f"{at}: no list"
        if theirs.items is not None and ours.items is not None:
            yield from self._compare(f"{at}[]", ours.items, theirs.items, seen, narrow=narrow)
        if theirs.fields and not ours.fields and "object" not in ours.plain:
            yield f"{at}: no object"
        for name, alternatives in theirs.fields.items():
            if not ours.fields:
                break
            mark = f"{ours.names}.{name}"
            if name not in ours.fields:
                yield f"{at}.{name}: missing"
            elif mark not in seen:
                yield from self._compare(f"{at}.{name}", ours.fields[name], alternatives, seen | {mark}, narrow=narrow)

    def _resolved(self, alternatives: Alternatives, described: Json) -> "_Resolved":
        found = _Resolved()
        waiting = list(alternatives)
        while waiting:
            one = waiting.pop()
            if isinstance(one, str) and one.startswith("#"):
                found.names.append(one)
                described_type = described["types"][one[1:]]
                waiting += (
                    [{"fields": described_type["fields"]}] if "fields" in described_type else described_type["is"]
                )
            elif isinstance(one, Mapping):
                for name, field in one["fields"].items():
                    found.fields.setdefault(name, []).extend(field)
            elif isinstance(one, Sequence) and not isinstance(one, str):
                if one[0] == "list":
                    found.items = [*(found.items or []), *one[1:]]
                else:
                    found.plain.add("object")
            else:
                found.plain.add(one)
        return found


class _Resolved:
    """Alternatives, sorted by their kind; the fields of several objects together."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.plain: set[str] = set()
        self.fields: dict[str, Alternatives] = {}
        self.items: Alternatives | None = None

    def has(self, kind: str) -> bool:
        """Whether this kind of value is among them."""
        if kind in self.plain or (kind == "object" and self.fields):
            return True
        if kind.startswith("="):
            return "string" in self.plain or "integer" in self.plain
        if kind == "integer":
            return "number" in self.plain
        return kind == "string" and any(plain.startswith("=") for plain in self.plain)
