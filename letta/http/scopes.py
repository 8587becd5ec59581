"""What is open to a key, operation by operation as `letta.access.operations` tells. Everything else is closed."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.access import repository
from letta.access.grants import Access, Grants
from letta.access.key import PROGRAM
from letta.access.operations import RULES, Rule
from letta.access.secrecy import secrets_are_shown
from letta.database.ids import UUID4_PATTERN
from letta.errors import ForbiddenError, LettaError, NotFoundError, UnprocessableError
from letta.http.answering import answer
from letta.http.auth import PRINCIPAL
from letta.organizations.actor import Principal

_ID = re.compile(rf"[a-z_]+-{UUID4_PATTERN}")
_TEXTS = frozenset({"content", "input", "otid", "query", "reasoning", "text", "value"})
"""Fields that hold what somebody says, or a client's own name of it. An id that stands there names nothing."""
_OF_THE_AGENT = frozenset(
    {
        "callback_url",
        "compaction_settings",
        "context_window_limit",
        "model",
        "model_settings",
        "override_model",
        "override_system",
    }
)
"""Fields of requests about messages by which they set what the agent is: open to who may change the agent."""
_MAKING_AGENTS = "enable_sleeptime"
"""A field by which an agent gets another one beside it, unless it is false."""
_RUNNING_A_TOOL = "POST /v1/agents/{agent_id}/tools/{tool_name}/run"
"""Closed to tools: both would wait for a place to run."""


@dataclass
class _Asked:
    """What a request names: the ids in it, and the values of its fields."""

    path: list[str]
    query: dict[str, list[str]]
    body: Any = None
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ids.update(each for each in self.path if _ID.fullmatch(each))
        self.ids.update(each for values in self.query.values() for each in values if _ID.fullmatch(each))
        self.ids.update(_ids_in(self.body))

    def selected(self, selectors: Iterable[str]) -> list[str]:
        """The values of the parameters that choose what an operation is about."""
        found: list[str] = []
        for name in selectors:
            if name.startswith("body."):
                values = (part.get(name.rpartition(".")[2]) for part in self.parts(name))
                found += [str(value) for value in values if value is not None]
            else:
                found += self.query.get(name, [])
        return found

    def parts(self, selector: str) -> list[dict[str, Any]]:
        """The objects of the body in which a field stands that chooses."""
        parts = [self.body]
        for name in selector.split(".")[1:-1]:
            within = [part[name] for part in parts if isinstance(part, dict) and name in part]
            parts = [each for value in within for each in (value if isinstance(value, list) else [value])]
        return [part for part in parts if isinstance(part, dict)]


class Scopes:
    """Stops requests with a key that ask for what the key doesn't open. It stands right before the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal | None = scope.get(PRINCIPAL)
        if principal is None or principal.grants is None:
            await self._app(scope, receive, send)
            return
        try:
            receive = await _checked(scope, receive, principal, principal.grants)
        except LettaError as error:
            await answer(send, error.status, error.body(), error.headers)
            return
        token = secrets_are_shown.set(principal.sees_secrets)
        try:
            await self._app(scope, receive, send)
        finally:
            secrets_are_shown.reset(token)


async def _checked(scope: Scope, receive: Receive, principal: Principal, grants: Grants) -> Receive:
    """The way to the request's body, if the request is open.

    Raises:
        ForbiddenError, NotFoundError: it isn't.
    """
    operation, path_parameters = _operation(scope)
    if operation is None:
        return receive  # which will be told what there is
    rule = RULES.get(operation)
    if rule is None:
        raise ForbiddenError("This operation is not available to API keys. Use the server's password.")
    if (rule.is_minting and not _may_mint(principal)) or (operation == _RUNNING_A_TOOL and principal.key is None):
        raise ForbiddenError(_closed(rule.needs, grants))
    if rule.needs <= grants.everywhere:
        return receive
    if not rule.is_of_agents:
        raise ForbiddenError(_closed(rule.needs, grants))
    body, receive = await _body(scope, receive)
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    await _check_agents(scope, rule, grants, _Asked([str(each) for each in path_parameters.values()], query, body))
    return receive


def _may_mint(principal: Principal) -> bool:
    return principal.key is not None and principal.key.kind == PROGRAM


def _operation(scope: Scope) -> tuple[str | None, dict[str, Any]]:
    """The operation that the router will find, and what its path names."""
    for route in scope["app"].router.routes:
        match, found = route.matches(scope)
        if match is Match.FULL:
            return f"{scope['method']} {route.path}", found.get("path_params", {})
    return None, {}


async def _check_agents(scope: Scope, rule: Rule, grants: Grants, asked: _Asked) -> None:
    """See that a request is about agents that are open to the key, and about nothing else."""
    agents = grants.agents_with(_needs(rule, asked) - grants.everywhere)
    if not agents:
        raise ForbiddenError(_closed(_needs(rule, asked), grants))
    if not rule.is_own and not any(_ID.fullmatch(each) for each in asked.path):
        selectors = rule.selectors or ("agent_id", "body.agent_id")
        selected = asked.selected(selectors)
        if not selected or not all(_ID.fullmatch(each) for each in selected):
            names = " or ".join(dict.fromkeys(_field(name) for name in selectors))
            raise ForbiddenError(f"This key is for {_named(agents)} only. Name the agent in '{names}'.")
    unknown = asked.ids - agents
    if unknown:
        owned = await scope["app"].state.server.database.read(repository.agents_of, unknown)
        closed = {thing for thing, agent in owned if agent not in agents and thing.startswith(repository.OF_ALL)}
        reached = {thing for thing, agent in owned if agent in agents} - closed
        for each in sorted(unknown - reached):
            raise NotFoundError(f"{each} doesn't exist, or this key (for {_named(agents)} only) can't access it.")


def _needs(rule: Rule, asked: _Asked) -> frozenset[Access]:
    """What a request asks of a key: for some fields more than its operation does."""
    if Access.WRITE_AGENT in rule.needs and any(part.get(_MAKING_AGENTS) for part in asked.parts("body.")):
        return rule.needs | {Access.WRITE}
    if Access.WRITE_MESSAGES not in rule.needs:
        return rule.needs
    chosen = {_field(name) for name in rule.selectors}
    parts = [part for name in ("body.", *rule.selectors) for part in asked.parts(name)]
    given = any(part.get(name) is not None for part in parts for name in _OF_THE_AGENT - chosen)
    return rule.needs | {Access.WRITE_AGENT} if given else rule.needs


def _field(selector: str) -> str:
    return selector.removeprefix("body.")


async def _body(scope: Scope, receive: Receive) -> tuple[Any, Receive]:
    """The JSON of a request, and the way to read it once more. Bodies of other kinds are closed to such keys.

    `letta.http.json_bodies` has bounded it, and hands it on in one piece.
    """
    headers = dict(scope["headers"])
    kind = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
    if kind != b"application/json" or scope["method"] in {"GET", "HEAD"}:
        if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            raise UnprocessableError(
                "body: A key that is limited to certain agents can only send JSON. Set the content-type to "
                "application/json."
            )
        return None, receive
    message = await receive()
    try:
        body = json.loads(message.get("body") or b"null")
    except ValueError:
        body = None  # which the operation tells better

    async def again() -> Message:
        nonlocal message
        given, message = message, {}
        return given or await receive()

    return body, again


def _ids_in(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        if _ID.fullmatch(part):
            yield part
    elif isinstance(part, list):
        for each in part:
            yield from _ids_in(each)
    elif isinstance(part, dict):
        for name, value in part.items():
            if not (name in _TEXTS and isinstance(value, str)):
                yield from _ids_in(value)


def _closed(needs: Iterable[Access], grants: Grants) -> str:
    wanted = ", ".join(sorted(needs)) or "an API key"
    if grants.agents:
        return f"This key is for {_named(grants.agents)} only, but this request requires {wanted}."
    held = ", ".join(sorted(grants.everywhere)) or "nothing"
    return f"This key lacks permission for this operation: it needs {wanted}, but has {held}."


def _named(agents: Iterable[str]) -> str:
    names = sorted(agents)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
