"""Tools in Monty: what they can do, and what is told of what they can't."""

import importlib.util
from collections.abc import AsyncIterator
from typing import Any

import pytest

from letta.sandbox.engines import monty
from letta.sandbox.engines.monty import MontyEngine
from letta.sandbox.execution import ClientAccess, Execution


@pytest.fixture
async def engine() -> AsyncIterator[MontyEngine]:
    made = MontyEngine(memory_bytes=512 * 1024 * 1024)
    yield made
    await made.close()


def call(source: str, arguments: dict[str, Any] | None = None, **further: Any) -> Execution:
    given: dict[str, Any] = {"environment": {"CITY": "Bern"}, "seconds": 5.0} | further
    return Execution(source=source, function="f", arguments=arguments or {}, **given)


WORKS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "plain": ("def f(x: int, y: int = 2) -> int:\n    return x * y\n", {"x": 3}, 6),
    "helper": ("def g(x):\n    return x + 1\n\ndef f(x: int) -> int:\n    return g(x)\n", {"x": 3}, 4),
    "asynchronous": ("async def f(x: int) -> int:\n    return x * 3\n", {"x": 5}, 15),
    "variables": ("import os\ndef f():\n    return os.environ['CITY'] + os.getenv('NO', '-')\n", {}, "Bern-"),
    "containers": ("def f():\n    return {'a': [1, None, True], 'b': 'ü'}\n", {}, {"a": [1, None, True], "b": "ü"}),
    "nothing": ("def f():\n    pass\n", {}, None),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f():\n    return [P(3)]\n",
        {},
        [{"x": 3}],
    ),
    "future annotations": (
        "from __future__ import annotations\ndef f(x: int | None = None):\n    return x\n",
        {},
        None,
    ),
}


@pytest.mark.parametrize(("source", "arguments", "value"), WORKS.values(), ids=WORKS)
async def test_works(engine: MontyEngine, source: str, arguments: dict[str, Any], value: Any) -> None:
    outcome = await engine.run(call(source, arguments))
    assert (outcome.error, outcome.value) == (None, value)


@pytest.mark.parametrize("module", [name.strip() for name in monty.MODULES.split(",")])
async def test_every_module_that_is_named_is_there(engine: MontyEngine, module: str) -> None:
    outcome = await engine.run(call(f"import {module.partition(' ')[0]}\ndef f():\n    return 1\n"))
    assert (outcome.error, outcome.value) == (None, 1)


async def test_agent_state(engine: MontyEngine) -> None:
    state: dict[str, Any] = {
        **dict.fromkeys(("agent_type", "description", "system", "metadata", "message_ids", "timezone")),
        "id": "agent-1",
        "name": "Ada",
        "tags": [],
        "memory": {"blocks": [{"label": "human", "value": "Bo"}]},
    }
    source = "def f(agent_state):\n    return agent_state.name + agent_state.memory.get_block('human').value\n"
    assert (await engine.run(call(source, agent_state=state))).value == "AdaBo"


async def test_what_is_printed_and_what_goes_wrong(engine: MontyEngine) -> None:
    outcome = await engine.run(call("def f():\n    print('out')\n    raise KeyError('lost')\n"))
    assert (outcome.error, outcome.stdout) == ("KeyError: lost", "out\n")
    assert "Traceback" in outcome.stderr


NAMES_ANOTHER_ENGINE = {
    "package": ("import requests\ndef f():\n    return 1\n", "No module named 'requests'"),
    "standard library": ("import subprocess\ndef f():\n    return 1\n", "No module named 'subprocess'"),
    "model": ("from pydantic import BaseModel\ndef f():\n    return 1\n", "No module named 'pydantic'"),
    "syntax": ("def g():\n    yield 1\ndef f():\n    return list(g())\n", "does not yet support"),
    "file": ("def f():\n    return open('/etc/passwd').read()\n", "Permission denied"),
    "client": ("def f():\n    return client.agents.list()\n", "The client is not available"),
}


@pytest.mark.parametrize(("source", "told"), NAMES_ANOTHER_ENGINE.values(), ids=NAMES_ANOTHER_ENGINE)
async def test_what_it_can_not_do_names_the_engine_that_can(engine: MontyEngine, source: str, told: str) -> None:
    outcome = await engine.run(call(source, client=ClientAccess("http://127.0.0.1:1", "key")))
    assert outcome.error is not None
    assert told in outcome.error
    assert "LETTA_TOOL_SANDBOX=process" in outcome.error


async def test_requirements_name_the_engine_that_can(engine: MontyEngine) -> None:
    outcome = await engine.run(call("def f():\n    return 1\n", pip_requirements=[{"name": "numpy"}]))
    assert "numpy" in (outcome.error or "")
    assert "LETTA_TOOL_SANDBOX=process" in (outcome.error or "")


ENDS = {
    "loop": ("while True: pass", "TimeoutError"),
    "sleep": ("import time; time.sleep(100)", "TimeoutError"),
    "output": ("while True: print('x' * 1000)", "TimeoutError"),
    "memory": ("x = 'x' * 1000\n    while True: x += x", "MemoryError"),
    "recursion": ("return f()", "RecursionError"),
    "large result": ("return 'x' * 30_000_000", "ResultTooLargeError"),
    "deep result": ("x = []\n    for _ in range(100_000): x = [x]\n    return x", "RecursionError"),
    "large number": ("return 10 ** 5000", "ValueError"),
    "network": ("return http_get('http://127.0.0.1:80/')", "is not allowed"),
    "scheme": ("return http_get('file:///etc/passwd')", "Error"),
    "escape by classes": ("return ().__class__.__bases__", "AttributeError"),
    "escape by import": ("return __import__('os').system('id')", "NameError"),
}


@pytest.mark.parametrize(("body", "told"), ENDS.values(), ids=ENDS)
async def test_ends(engine: MontyEngine, body: str, told: str) -> None:
    outcome = await engine.run(call(f"def f():\n    {body}\n", seconds=1.0))
    assert told in (outcome.error or "")
    assert len(outcome.stdout) < 40_000
    assert (await engine.run(call("def f():\n    return 1\n"))).value == 1


async def test_calls_share_nothing(engine: MontyEngine) -> None:
    source = "import json\nseen = []\ndef f():\n    seen.append(1)\n    return len(seen)\n"
    assert [(await engine.run(call(source))).value for _ in range(2)] == [1, 1]


def test_it_is_installed_with_the_server() -> None:
    assert importlib.util.find_spec("pydantic_monty") is not None
