"""Calling a tool's function, and telling what came of it in JSON.

The file stands alone, so that it can be sent to a remote sandbox as it is.
"""

import asyncio
import dataclasses
import enum
import inspect
import json
import linecache
import sys
import traceback
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MAX_RESULT_CHARACTERS = 4_000_000
_TRACEBACK_CHARACTERS = 8000
_MESSAGE_CHARACTERS = 2000
_MODULE = "letta_tool"
_SCALARS = {type(None), str, bool, int, float}
_PLAIN = (str, int, float, bool, type(None), Any, object)


class ResultTooLargeError(ValueError):
    """The function returned more than can be passed on."""


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Run the function of a source.

    Args:
        request: ``source``, ``function``, ``arguments`` and, where there are any, ``agent_state``, ``client`` (base
            URL and key for the client that the source uses) and ``client_problem`` (why there is none).

    Returns:
        ``text`` and ``value`` (JSON, where it can be had) of what was returned; or ``error`` and ``traceback``.
    """
    file_name = f"<tool {request['function']}>"
    try:
        function = _load(request, file_name)
        returned = function(**_arguments(function, request))
        if inspect.isawaitable(returned):
            returned = asyncio.run(_awaited(returned))
        return described(returned)
    except BaseException as error:  # also sys.exit(), which ends a tool but not what it was called by
        return _failure(error, file_name)
    finally:
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)


def _load(request: dict[str, Any], file_name: str) -> Callable[..., Any]:
    source = request["source"]
    linecache.cache[file_name] = (len(source), None, source.splitlines(keepends=True), file_name)
    module = types.ModuleType(_MODULE)
    module.__file__ = file_name
    sys.modules[_MODULE] = module  # where pydantic and dataclasses look annotations up
    if request.get("client") or request.get("client_problem"):
        module.client = _client(request)  # type: ignore[attr-defined]
    exec(compile(source, file_name, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - what a tool is
    function: Callable[..., Any] = getattr(module, request["function"])
    return function


def _client(request: dict[str, Any]) -> Any:
    if request.get("client_problem"):
        return _NoClient(request["client_problem"])
    try:
        from letta_client import Letta
    except ImportError:
        return _NoClient(
            "the package letta-client is not installed where tools run. Install it there: pip install letta-client"
        )
    return Letta(base_url=request["client"]["base_url"], api_key=request["client"]["api_key"])


class _NoClient:
    """Stands for a client that there is none of, and says why when it is used."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"The client is not available: {self._problem}")


class Record(dict[str, Any]):
    """A JSON object whose members can be had as attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return _record(self[name])
        except KeyError:
            raise AttributeError(name) from None


class Memory(Record):
    """The blocks of an agent, as they were when the tool was called."""

    def get_block(self, label: str) -> Any:
        """The block of this label."""
        for block in self["blocks"]:
            if block["label"] == label:
                return _record(block)
        raise KeyError(f"The agent has no block '{label}'. Its blocks: {', '.join(self.list_block_labels())}.")

    def list_block_labels(self) -> list[str]:
        """The labels of all blocks."""
        return [block["label"] for block in self["blocks"]]

    def update_block_value(self, label: str, value: str) -> None:  # noqa: ARG002 - the former server's
        """Not offered: this is a copy."""
        raise RuntimeError(
            f"agent_state is a copy; changes to it are not kept. Call client.agents.blocks.update('{label}', "
            "agent_id=agent_state.id, value=…) instead."
        )


def _record(value: Any) -> Any:
    if isinstance(value, dict):
        return value if isinstance(value, Record) else Record(value)
    if isinstance(value, list):
        return [_record(item) for item in value]
    return value


def _agent_state(state: dict[str, Any] | None) -> Any:
    if state is None:
        return None
    return Record(state | {"memory": Memory(state.get("memory") or {"blocks": []})})


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def _arguments(function: Callable[..., Any], request: dict[str, Any]) -> dict[str, Any]:
    """The arguments as the annotations want them: models, enums and the like made of their JSON."""
    parameters = inspect.signature(function).parameters
    given = dict(request["arguments"])
    types_of = _annotations(function)
    arguments: dict[str, Any] = {}
    for name, parameter in parameters.items():
        wanted = types_of.get(name, Any)
        if name == "agent_state":
            arguments[name] = _agent_state(request.get("agent_state"))
        elif name == "self":
            arguments[name] = None
        elif name in given:
            value = given.pop(name)
            if value is not None or parameter.default is inspect.Parameter.empty or _allows_none(wanted):
                arguments[name] = _converted(name, value, wanted)
        elif parameter.default is inspect.Parameter.empty and _allows_none(wanted):
            arguments[name] = None
    return arguments | given


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # an annotation may be anything, and need not be of use for a call
        return {}


def _allows_none(wanted: Any) -> bool:
    return wanted is Any or wanted is type(None) or type(None) in typing.get_args(wanted)


def _converted(name: str, value: Any, wanted: Any) -> Any:
    if wanted in _PLAIN or wanted in (list, dict, tuple, set) or not _needs_pydantic(wanted):
        return value
    try:
        from pydantic import TypeAdapter, ValidationError
    except ImportError:
        return value
    try:
        return TypeAdapter(wanted).validate_python(value)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, [name, *e['loc']]))}: {e['msg']}" for e in error.errors()[:5])
        raise TypeError(f"wrong arguments: {problems}") from None


def _needs_pydantic(wanted: Any) -> bool:
    """Whether a value from JSON isn't yet what an annotation wants: it is no plain type, and not made of such."""
    arguments = [argument for argument in typing.get_args(wanted) if argument is not Ellipsis]
    if not arguments or typing.get_origin(wanted) is typing.Literal:
        return wanted not in _PLAIN and isinstance(wanted, type) and wanted not in (list, dict)
    if typing.get_origin(wanted) in (tuple, set, frozenset, typing.Annotated):
        return True
    return any(_needs_pydantic(argument) for argument in arguments)


def described(returned: Any) -> dict[str, Any]:
    """What was returned, as ``text`` and, where it has a counterpart in JSON, as ``value``.

    Raises:
        ResultTooLargeError: it is more than can be passed on.
        RecursionError: it is nested too deeply.
    """
    value: str | None = None
    text: str | None = None
    try:
        plain = _plain(returned)
        value = json.dumps(plain, ensure_ascii=False, allow_nan=False)
        text = value if isinstance(plain, dict | list) else str(plain)
    except (TypeError, ValueError, RecursionError, OverflowError):
        text = str(returned)
    if max(len(text), len(value or "")) > MAX_RESULT_CHARACTERS:
        raise ResultTooLargeError(
            f"the result has {max(len(text), len(value or ''))} characters, but only {MAX_RESULT_CHARACTERS} are "
            "allowed. Return less."
        )
    return {"text": text, "value": value}


def _plain(value: Any) -> Any:
    """A value in the terms of JSON; what has no counterpart there becomes its text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value if type(value) in _SCALARS else _scalar(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return _plain(dump(mode="json"))
    return str(value)


def _scalar(value: Any) -> Any:
    """The value of a member of an enum, or of another class derived from a plain one."""
    return (
        getattr(value, "value", None)
        if isinstance(value, enum.Enum)
        else next(kind(value) for kind in (int, float, str) if isinstance(value, kind))
    )


def _failure(error: BaseException, file_name: str) -> dict[str, Any]:
    try:
        message = f"{type(error).__name__}: {error}"[:_MESSAGE_CHARACTERS]
        told = "".join(_traceback(error, file_name))
    except BaseException:  # an exception's own text may fail as well
        message, told = f"{type(error).__name__}: (its message can't be shown)", ""
    return {"error": message, "traceback": told[-_TRACEBACK_CHARACTERS:]}


def _traceback(error: BaseException, file_name: str) -> Iterator[str]:
    """The traceback from where the tool's own source begins."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != file_name:
        trace = trace.tb_next
    yield from traceback.format_exception(type(error), error, trace)


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except BaseException:  # what is left to print can't be printed
        return
