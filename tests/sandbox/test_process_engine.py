"""Tools in processes: what they are given, and what is told of them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from letta.sandbox.engines.process import ProcessEngine, make_directory, missing_requirements, outcome_of
from letta.sandbox.engines.tool_users import AT_ONCE, BEYOND_LAST, FIRST_USER, ToolUsers
from letta.sandbox.execution import ClientAccess, Execution, Outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes for tools need Linux"),
]

MEMORY = 400 * 1024 * 1024
MODELS = '''
from enum import Enum
from typing import Annotated, Literal, Optional
from datetime import date
from pydantic import BaseModel, Field

class Color(Enum):
    RED = "red"

class Point(BaseModel):
    x: int = Field(..., description="across")
    y: int = 2

def f({parameters}):
    """Use them."""
    return {result}
'''


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[ProcessEngine]:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    made = ProcessEngine(tmp_path / "tools", memory_bytes=MEMORY)
    yield made
    await made.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nothing tells of a directory
            await asyncio.sleep(0.01)


def call(source: str, arguments: dict[str, Any] | None = None, **further: Any) -> Execution:
    given: dict[str, Any] = {"environment": {}, "seconds": 20.0} | further
    return Execution(source=source, function="f", arguments=arguments or {}, **given)


RETURNED = {
    "text": ('"a\\nü"', "a\nü", "a\nü"),
    "number": ("42", "42", 42),
    "fraction": ("1.5", "1.5", 1.5),
    "truth": ("True", "True", True),
    "nothing": ("None", "None", None),
    "list": ("[1, 'ü', None]", '[1, "ü", null]', [1, "ü", None]),
    "dictionary": ("{'a': (1, 2), 'b': {3}}", '{"a": [1, 2], "b": [3]}', {"a": [1, 2], "b": [3]}),
    "date": ("__import__('datetime').date(2026, 1, 2)", "2026-01-02", "2026-01-02"),
}


@pytest.mark.parametrize(("expression", "text", "value"), RETURNED.values(), ids=RETURNED)
async def test_what_is_returned(engine: ProcessEngine, expression: str, text: str, value: Any) -> None:
    outcome = await engine.run(call(f"def f():\n    return {expression}\n"))
    assert (outcome.error, outcome.text, outcome.value) == (None, text, value)


async def test_models_and_dataclasses_are_returned_as_json(engine: ProcessEngine) -> None:
    source = MODELS.format(parameters="", result="[Point(x=1), Color.RED]")
    assert (await engine.run(call(source))).value == [{"x": 1, "y": 2}, "red"]
    source = "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\ndef f():\n    return A(3)\n"
    assert (await engine.run(call(source))).text == '{"x": 3}'


ARGUMENTS: dict[str, tuple[str, str, dict[str, Any], Any]] = {
    "model": ("p: Point", "p.x + p.y", {"p": {"x": 1}}, 3),
    "models": ("ps: list[Point]", "[p.x for p in ps]", {"ps": [{"x": 1}, {"x": 2}]}, [1, 2]),
    "optional model": ("p: Optional[Point] = None", "p is None", {}, True),
    "optional without default": ("p: Optional[int]", "p is None", {}, True),
    "null for a default": ("x: int = 5", "x", {"x": None}, 5),
    "enum": ("c: Color", "c is Color.RED", {"c": "red"}, True),
    "date": ("d: date", "d.year", {"d": "2026-01-02"}, 2026),
    "tuple": ("t: tuple[int, str]", "type(t).__name__", {"t": [1, "a"]}, "tuple"),
    "literal": ("k: Literal['a', 'b'] = 'a'", "k", {"k": "b"}, "b"),
    "annotated": ("n: Annotated[int, Field(ge=1)]", "n", {"n": 3}, 3),
    "keyword only": ("*, a: int = 1, b: int", "a + b", {"b": 2}, 3),
    "without annotation": ("x, y=2", "x * y", {"x": 3}, 6),
    "annotation that means nothing": ("x: 'Nowhere'", "x", {"x": 3}, 3),
}


@pytest.mark.parametrize(("parameters", "result", "arguments", "value"), ARGUMENTS.values(), ids=ARGUMENTS)
async def test_arguments(
    engine: ProcessEngine, parameters: str, result: str, arguments: dict[str, Any], value: Any
) -> None:
    outcome = await engine.run(call(MODELS.format(parameters=parameters, result=result), arguments))
    assert (outcome.error, outcome.value) == (None, value)


async def test_arguments_that_a_model_refuses_are_named(engine: ProcessEngine) -> None:
    outcome = await engine.run(call(MODELS.format(parameters="p: Point", result="p"), {"p": {"y": "no"}}))
    assert outcome.error is not None
    assert outcome.error.startswith("TypeError: wrong arguments: p.x: Field required; p.y: ")


async def test_asynchronous_functions_are_awaited(engine: ProcessEngine) -> None:
    source = "import asyncio\nasync def f(x: int):\n    await asyncio.sleep(0)\n    return x * 3\n"
    assert (await engine.run(call(source, {"x": 5}))).value == 15


async def test_what_is_printed_and_what_goes_wrong(engine: ProcessEngine) -> None:
    source = (
        "import sys\ndef helper():\n    raise KeyError('lost')\n"
        "def f():\n    print('out')\n    print('err', file=sys.stderr)\n    helper()\n"
    )
    outcome = await engine.run(call(source))
    assert (outcome.error, outcome.stdout) == ("KeyError: 'lost'", "out\n")
    assert outcome.stderr.startswith('err\nTraceback (most recent call last):\n  File "<tool f>", line 7, in f\n')
    assert "raise KeyError('lost')" in outcome.stderr
    assert "harness" not in outcome.stderr


async def test_variables_are_those_that_are_given(engine: ProcessEngine) -> None:
    source = "import os\ndef f():\n    return dict(os.environ)\n"
    variables = (await engine.run(call(source, environment={"CITY": "Bern", "PATH": "/nowhere"}))).value
    assert variables["CITY"] == "Bern"
    assert variables["PATH"] == "/nowhere"
    assert set(variables) <= {"CITY", "PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE"}


async def test_installed_packages_and_programs_can_be_used(engine: ProcessEngine) -> None:
    source = (
        "import decimal, sqlite3, ssl, subprocess, tempfile, httpx2\n"
        "def f():\n    with tempfile.NamedTemporaryFile() as file:\n        file.write(b'x')\n"
        "    return subprocess.run(['echo', 'hi'], capture_output=True, text=True, check=True).stdout\n"
    )
    outcome = await engine.run(call(source))
    assert (outcome.error, outcome.value) == (None, "hi\n")


async def test_agent_state(engine: ProcessEngine) -> None:
    state = {"id": "agent-1", "name": "Ada", "memory": {"blocks": [{"label": "human", "value": "Bo"}]}, "tags": ["a"]}
    source = (
        "def f(agent_state: 'AgentState', x: int):\n"
        "    memory, human = agent_state.memory, agent_state.memory.get_block('human')\n"
        "    return [agent_state.name, agent_state['id'], human.value, memory.list_block_labels(), x]"
    )
    outcome = await engine.run(call(source, {"x": 1}, agent_state=state))
    assert (outcome.error, outcome.value) == (None, ["Ada", "agent-1", "Bo", ["human"], 1])
    change = "def f(agent_state):\n    agent_state.memory.update_block_value('human', 'x')\n"
    outcome = await engine.run(call(change, agent_state=state))
    assert outcome.error is not None
    assert "client.agents.blocks.update" in outcome.error


async def test_client(engine: ProcessEngine) -> None:
    source = "def f():\n    return [str(client.base_url), client.api_key]\n"
    outcome = await engine.run(call(source, client=ClientAccess("http://127.0.0.1:1", "key")))
    assert (outcome.error, outcome.value) == (None, ["http://127.0.0.1:1", "key"])
    outcome = await engine.run(call(source, client_problem="the tool is not run for an agent"))
    assert outcome.error == "RuntimeError: The client is not available: the tool is not run for an agent"


async def test_a_cancelled_call_is_ended(engine: ProcessEngine, tmp_path: Path) -> None:
    running = asyncio.create_task(engine.run(call("import time\ndef f():\n    time.sleep(60)\n")))
    await until(lambda: any(tmp_path.glob("tools/run-*")))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not any(tmp_path.glob("tools/run-*")))


async def test_more_calls_than_places_wait_for_each_other(engine: ProcessEngine) -> None:
    source = "def f(x: int):\n    return x\n"
    calls = [engine.run(call(source, {"x": x})) for x in range(AT_ONCE + 3)]
    assert [outcome.value for outcome in await asyncio.gather(*calls)] == list(range(AT_ONCE + 3))


async def test_calls_share_nothing(engine: ProcessEngine) -> None:
    source = "import builtins as b\ndef f():\n    b.seen = getattr(b, 'seen', 0) + 1\n    return b.seen\n"
    assert [(await engine.run(call(source))).value for _ in range(2)] == [1, 1]


async def test_a_new_process_is_forked_from_when_the_old_one_has_ended(engine: ProcessEngine) -> None:
    source = "def f():\n    return 1\n"
    assert (await engine.run(call(source))).value == 1
    zygote = engine._zygote
    assert zygote is not None
    zygote.send_signal(signal.SIGKILL)
    zygote.wait()
    assert (await engine.run(call(source))).value == 1


async def test_packages_that_are_missing_are_told(engine: ProcessEngine) -> None:
    wanted = [{"name": "no-such-package", "version": "1.0"}, {"name": "pydantic", "version": None}]
    outcome = await engine.run(call("def f():\n    return 1\n", pip_requirements=wanted))
    assert outcome.error is not None
    assert outcome.error.startswith("ModuleNotFoundError: the tool needs no-such-package==1.0. ")
    assert "LETTA_TOOL_SANDBOX=e2b" in outcome.error
    assert missing_requirements([{"name": "pydantic"}]) is None
    other = missing_requirements([{"name": "pydantic", "version": "0.1"}])
    assert other is not None
    assert "(installed: " in other


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
async def test_root_does_not_run_tools_as_root(engine: ProcessEngine) -> None:
    source = "import os\ndef f():\n    return [os.getuid(), os.getgid(), os.getgroups()]\n"
    uid, gid, groups = (await engine.run(call(source))).value
    assert uid == gid
    assert FIRST_USER <= uid < BEYOND_LAST
    assert groups == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
async def test_servers_of_one_machine_leave_each_others_tools_alone(engine: ProcessEngine, tmp_path: Path) -> None:
    other = ProcessEngine(tmp_path / "other", memory_bytes=MEMORY)
    try:
        slow = asyncio.create_task(
            engine.run(call("import os, time\ndef f():\n    time.sleep(2)\n    return os.getuid()\n"))
        )
        users = set()
        while not slow.done():
            users.add((await other.run(call("import os\ndef f():\n    return os.getuid()\n"))).value)
        outcome = await slow
    finally:
        await other.close()
    assert outcome.error is None
    assert outcome.value not in users


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
async def test_user_ids_are_given_back_by_whoever_ends() -> None:
    claimed = [ToolUsers.claim()]
    with pytest.raises(OSError, match="are in use by other servers"):  # noqa: PT012 - whichever is the last
        while True:
            claimed.append(ToolUsers.claim())
    given_back = claimed.pop()
    given_back.mark.close()
    with ToolUsers.claim().mark as mark:
        assert mark.getsockname().endswith(str(given_back.first).encode())
    for users in claimed:
        users.mark.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(Exception, match="belongs to user id 12345"):
        make_directory(tmp_path)


ANSWERS = {
    "nothing": (b"", "ended without a result"),
    "killed": ({"ended": "exited", "code": -9, "result": ""}, "killed by SIGKILL"),
    "unknown signal": ({"ended": "exited", "code": -99, "result": ""}, "signal 99"),
    "exit": ({"ended": "exited", "code": 7, "result": ""}, "exit code 7"),
    "processor time": ({"ended": "exited", "code": -int(signal.SIGXCPU), "result": ""}, "TimeoutError"),
    "broken": ({"ended": "broken", "code": 0, "result": "OSError: full"}, "could not be started (OSError: full)"),
    "broken later": ({"ended": "exited", "code": 70, "result": '{"broken": "OSError: x"}'}, "RuntimeError: OSError: x"),
    "disk": ({"ended": "disk", "code": 0, "result": ""}, "wrote more than 128 MB"),
}


@pytest.mark.parametrize(("answer", "told"), ANSWERS.values(), ids=ANSWERS)
def test_answers_that_are_no_result(answer: Any, told: str) -> None:
    encoded = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    outcome: Outcome = outcome_of(encoded, call(""), MEMORY)
    assert told in (outcome.error or "")
