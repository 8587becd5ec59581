"""Tools in Monty, an interpreter of a part of Python that has no files, no network and no processes to offer.

What a tool can do beyond computing are the functions that it is lent here. The interpreter runs in processes of its
own; the worst that a tool can do is to end one.
"""

import ast
import asyncio
import json
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from letta.outgoing.egress import EgressError, request
from letta.sandbox.child.harness import ResultTooLargeError, described
from letta.sandbox.engines.output import Output
from letta.sandbox.engines.process import timeout_error
from letta.sandbox.errors import SourceError
from letta.sandbox.execution import Execution, Outcome, failed
from letta.sandbox.source import parse_source

if TYPE_CHECKING:
    import pydantic_monty

MOST_AT_ONCE = 4
MOST_MEMORY = 64 * 1024 * 1024
_HTTP_SECONDS = 20
_HTTP_BYTES = 1024 * 1024
_CALL = "letta_arguments_of_the_call"
_STATE = "letta_agent_state"

MODULES = (
    "asyncio, base64, bisect, collections, copy, csv, dataclasses, datetime, decimal, functools, hashlib, itertools, "
    "json, math, os (environ and getenv), pathlib, random, re, sys, time, typing, unicodedata"
)
_OTHERWISE = (
    "Set LETTA_TOOL_SANDBOX=process for all of Python and the packages installed with the server (for tools that you "
    "trust), or e2b for any package."
)
_HINTS = {
    "ModuleNotFoundError": "This server runs tools with the engine 'monty', which only has these Python modules: "
    f"{MODULES}; and the functions http_get and http_post. {_OTHERWISE}",
    "NotImplementedError": "The engine 'monty' supports only a part of Python. Write the tool in a simpler way. "
    f"{_OTHERWISE}",
    "PermissionError": f"The engine 'monty' has no file access. {_OTHERWISE}",
}
_NO_CLIENT = f"the engine 'monty' has none. {_OTHERWISE}"

# The former server's agent_state, made in the interpreter of what it is given as JSON.
_AGENT_STATE = """
class LettaBlock:
    def __init__(self, block):
        self.id = block.get("id")
        self.label = block["label"]
        self.value = block["value"]
        self.description = block.get("description")
        self.limit = block.get("limit")
        self.read_only = block.get("read_only")

class LettaMemory:
    def __init__(self, memory):
        self.blocks = [LettaBlock(block) for block in memory["blocks"]]

    def get_block(self, label):
        for block in self.blocks:
            if block.label == label:
                return block
        raise KeyError("the agent has no block " + label)

    def list_block_labels(self):
        return [block.label for block in self.blocks]

class LettaAgentState:
    def __init__(self, state):
        self.id = state["id"]
        self.name = state["name"]
        self.agent_type = state["agent_type"]
        self.description = state["description"]
        self.system = state["system"]
        self.tags = state["tags"]
        self.metadata = state["metadata"]
        self.memory = LettaMemory(state["memory"])
        self.blocks = self.memory.blocks
        self.message_ids = state["message_ids"]
        self.timezone = state["timezone"]
"""


class MontyEngine:
    """Runs each call in a fresh session of a worker process."""

    name = "monty"

    def __init__(self, *, memory_bytes: int) -> None:
        self._memory_bytes = min(memory_bytes, MOST_MEMORY)
        self._pool: pydantic_monty.Monty | None = None
        self._opening = threading.Lock()
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "monty")

    async def run(self, execution: Execution) -> Outcome:
        """Run a tool's function."""
        if execution.pip_requirements:
            names = ", ".join(requirement["name"] for requirement in execution.pip_requirements)
            return failed(f"ModuleNotFoundError: the tool needs {names}. {_HINTS['ModuleNotFoundError']}")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._run, execution, loop)
        except ImportError:
            return failed(
                "RuntimeError: the engine 'monty' is not installed. Install pydantic-monty, or choose another engine. "
                f"{_OTHERWISE}"
            )

    async def close(self) -> None:
        """End the workers."""
        pool, self._pool = self._pool, None
        self._threads.shutdown(wait=False, cancel_futures=True)
        if pool is not None:
            await asyncio.to_thread(pool.__exit__, None, None, None)

    def _run(self, execution: Execution, loop: asyncio.AbstractEventLoop) -> Outcome:
        import pydantic_monty

        output = Output()
        try:
            returned = self._feed(execution, loop, output)
            told = described(_plain(returned))
        except (SourceError, ResultTooLargeError) as error:
            return Outcome(error=f"{type(error).__name__}: {error}", stdout=output.stdout, stderr=output.stderr)
        except RecursionError:
            return Outcome(
                error="RecursionError: the result is nested too deeply. Return something flatter.", stdout=output.stdout
            )
        except (OverflowError, ValueError) as error:  # of a number that is too large to be shown, for one
            return Outcome(error=f"ValueError: what was returned can't be passed on ({error}).", stdout=output.stdout)
        except pydantic_monty.MontyCrashedError as error:
            message = (
                timeout_error(execution.seconds) if error.timed_out else f"RuntimeError: {error} Do less in one call."
            )
            return Outcome(error=message, stdout=output.stdout, stderr=output.stderr)
        except pydantic_monty.MontyError as error:
            message, trace = _message(error, execution)
            return Outcome(error=message, stdout=output.stdout, stderr=output.stderr + trace)
        value = json.loads(told["value"]) if told["value"] is not None else told["text"]
        return Outcome(text=told["text"], value=value, stdout=output.stdout, stderr=output.stderr)

    def _feed(self, execution: Execution, loop: asyncio.AbstractEventLoop, output: Output) -> Any:
        source, is_async, takes_state = _prepared(execution)
        lent = _Lent(execution, loop)
        state = f", agent_state=LettaAgentState({_STATE})" if takes_state else ""
        call = f"{'await ' if is_async else ''}{execution.function}(**{_CALL}{state})"
        with self._opened().checkout(
            script_name="tool.py",
            limits={
                "max_memory": self._memory_bytes,
                "max_feed_duration_secs": execution.seconds,
                "max_total_sleep_secs": execution.seconds,
            },
            os_policy={"sleep_system_max": math.inf},
        ) as session:
            common: dict[str, Any] = {
                "external_lookup": lent.functions(),
                "os": lent.answer,
                "print_callback": output.write,
            }
            if takes_state:
                session.feed_run(_AGENT_STATE, inputs={_STATE: execution.agent_state})
            session.feed_run(source, **common)
            return session.feed_run(call, inputs={_CALL: execution.arguments}, **common)

    def _opened(self) -> "pydantic_monty.Monty":
        import pydantic_monty

        with self._opening:
            if self._pool is None:
                pool = pydantic_monty.Monty(min_processes=0, max_processes=MOST_AT_ONCE)
                self._pool = pool.__enter__()
            return self._pool


class _Lent:
    """What a tool can do beyond computing: read its variables, and ask addresses that anybody may ask."""

    def __init__(self, execution: Execution, loop: asyncio.AbstractEventLoop) -> None:
        self._environment = execution.environment
        self._client_problem = execution.client_problem or (_NO_CLIENT if execution.client else None)
        self._deadline = time.monotonic() + execution.seconds
        self._loop = loop

    def functions(self) -> dict[str, Any]:
        """By the name that a tool calls them by."""
        return {"http_get": self._http_get, "http_post": self._http_post}

    def answer(self, *, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], **_: Any) -> Any:
        """Answer what is asked of the operating system."""
        import pydantic_monty

        match name:
            case "os.environ":
                return dict(self._environment)
            case "os.getenv":
                return self._environment.get(*args, **kwargs)
        return pydantic_monty.NOT_HANDLED

    def _http_get(self, url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        return self._send("GET", url, None, headers)

    def _http_post(self, url: str, json: Any = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
        return self._send("POST", url, json, headers)

    def _send(self, method: str, url: str, body: Any, headers: dict[str, str] | None) -> dict[str, Any]:
        seconds = min(_HTTP_SECONDS, self._deadline - time.monotonic())
        if seconds <= 0:
            raise TimeoutError("the function has used up its time")
        asked = request(method, url, json=body, headers=headers, seconds=seconds, max_bytes=_HTTP_BYTES, redirects=5)
        try:
            answer = asyncio.run_coroutine_threadsafe(asked, self._loop).result(seconds + 1)
        except EgressError as error:
            raise OSError(error.detail) from None
        except Exception as error:
            raise ValueError(getattr(error, "detail", None) or str(error)) from None
        return {
            "status": answer.status,
            "url": answer.url,
            "headers": dict(answer.headers),
            "text": answer.body.decode("utf-8", "replace"),
        }


def _prepared(execution: Execution) -> tuple[str, bool, bool]:
    """The source, whether the function is asynchronous, and whether it asks for the agent's state."""
    module = parse_source(execution.source)
    function = next(
        node
        for node in reversed(module.body)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == execution.function
    )
    names = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
    return execution.source, isinstance(function, ast.AsyncFunctionDef), "agent_state" in names


def _plain(value: Any) -> Any:
    """A value of the interpreter's without the stand-ins for objects that only it has."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    attributes = getattr(value, "attributes", None)
    return _plain(attributes) if isinstance(attributes, dict) else value


def _message(error: Any, execution: Execution) -> tuple[str, str]:
    """What went wrong, in one line with what to do about it, and the traceback."""
    show: Callable[[str], str] = getattr(error, "display", lambda _: str(error))
    try:
        message, trace = show("type-msg"), show("traceback")
    except TypeError:
        message, trace = str(error), ""
    kind = message.partition(":")[0]
    if "time limit exceeded" in message or "sleep limit exceeded" in message:
        message = timeout_error(execution.seconds)
    elif kind == "NameError" and "'client'" in message:
        message = f"RuntimeError: The client is not available: {execution.client_problem or _NO_CLIENT}"
    elif hint := _HINTS.get(kind):
        message = f"{message}. {hint}"
    return message, trace if trace.endswith("\n") or not trace else trace + "\n"
