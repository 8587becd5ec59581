"""Operations as the OpenAPI describes them, and requests for them that are right but for whom they belong to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

Json = dict[str, Any]

OPEN = ("/v1/health", "/v1/ready")
_VERBS = ("get", "put", "post", "patch", "delete")
_VALUES: Json = {
    "source_code": "def greet() -> str:\n    '''Say hello.'''\n    return 'hello'\n",
    "model": "openai-proxy/gpt-4o-mini",
    "input": "Hello.",
    "role": "user",
    "content": "Hello.",
    "server_url": "http://nowhere.invalid/mcp",
    "mcp_server_type": "streamable_http",
    "type": "streamable_http",
    "transaction": "t",
    "provider_id": "p",
}
"""Values of fields and parameters that their type alone doesn't tell."""


@dataclass(frozen=True)
class Operation:
    """One operation: what is needed to ask for it."""

    verb: str
    path: str
    node: Json
    spec: Json

    def __str__(self) -> str:
        return f"{self.verb.upper()} {self.path}"

    @property
    def path_parameters(self) -> list[str]:
        return [each["name"] for each in self.node.get("parameters", ()) if each["in"] == "path"]

    def request(self, ids: Mapping[str, str], of_path: Mapping[str, str] | None = None) -> Json:
        """Arguments for a client: every id that can be given is one of these, in the path as told there."""
        path = self.path.format_map({**ids, **_VALUES, **(of_path or ids)})
        parameters = [each for each in self.node.get("parameters", ()) if each["in"] == "query"]
        named = {each["name"]: self._parameter(each, ids) for each in parameters}
        query = {name: value for name, value in named.items() if value is not None}
        content = self.node.get("requestBody", {}).get("content", {})
        request: Json = {"method": self.verb.upper(), "url": path, "params": query}
        if "application/json" in content:
            request["json"] = self._sample(content["application/json"]["schema"], ids)
        elif "multipart/form-data" in content:
            request["files"] = {"file": ("file.af", b"{}", "application/json")}
        return request

    def refers_to(self, ids: Mapping[str, str]) -> bool:
        """Whether a request names one of these ids outside its path, or beside the path's first."""
        request = self.request(ids, dict.fromkeys(self.path_parameters, "own"))
        beyond = [name for name in self.path_parameters[1:] if name in ids and name.endswith("_id")]
        texts = f"{request['params']} {request.get('json')}"
        return bool(beyond) or any(value in texts for name, value in ids.items() if name.endswith("_id"))

    def _parameter(self, parameter: Json, ids: Mapping[str, str]) -> Any:
        found = _id_for(parameter["name"], ids)
        if found is not None:
            return found
        return self._sample(parameter["schema"], ids, parameter["name"]) if parameter.get("required") else None

    def _sample(self, schema: Json, ids: Mapping[str, str], name: str = "") -> Any:
        schema = self._resolved(schema)
        found = _id_for(name, ids)
        if found is not None:
            return found
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        if name in _VALUES:
            return _VALUES[name]
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            return self._object(schema, ids)
        if kind == "array":
            return [self._sample(schema["items"], ids, name.removesuffix("s"))]
        plain: Json = {"string": "x", "integer": schema.get("minimum", 1), "number": 1.0, "boolean": False}
        return plain.get(kind or "", None)

    def _object(self, schema: Json, ids: Mapping[str, str]) -> Json:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        wanted = [
            name
            for name, described in properties.items()
            if name in required or "const" in described or _id_for(name, ids) is not None
        ]
        if wanted == [] and "content" in properties:
            wanted = ["content"]
        if "input" in properties and "messages" in properties:
            wanted = [*(name for name in wanted if name != "messages"), "input"]
        return {name: self._sample(properties[name], ids, name) for name in wanted}

    def _resolved(self, schema: Json) -> Json:
        while True:
            if "$ref" in schema:
                schema = self.spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            elif "anyOf" in schema or "oneOf" in schema:
                variants = schema.get("anyOf") or schema["oneOf"]
                schema = next(each for each in variants if each.get("type") != "null")
            elif len(schema.get("allOf", ())) == 1:
                schema = schema["allOf"][0]
            else:
                return schema


def _id_for(name: str, ids: Mapping[str, str]) -> Any:
    """The value for a field that holds ids: those that exist, of the kind that it names."""
    if name.endswith("_id"):
        return ids.get(name)
    if name.endswith("_ids"):
        single = ids.get(name.removesuffix("s"))
        return None if single is None else [single]
    return None


def operations(http: httpx2.Client) -> Iterator[Operation]:
    """All operations that belong to somebody."""
    spec: Json = http.get("/openapi.json").raise_for_status().json()
    for path, item in spec["paths"].items():
        if path not in OPEN:
            yield from (Operation(verb, path, item[verb], spec) for verb in _VERBS if verb in item)
