"""Tools in E2B's sandboxes, which are machines of their own, elsewhere."""

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

from letta.errors import ConfigurationError
from letta.sandbox.child import harness
from letta.sandbox.engines.output import OUTPUT_CHARACTERS
from letta.sandbox.engines.process import outcome_of, timeout_error
from letta.sandbox.execution import Execution, Outcome, failed
from letta.settings import Settings

_SPARE_SECONDS = 60
"""On top of the function's time: for the sandbox to start, and for packages to be installed."""
_NO_CLIENT = "the E2B sandbox runs elsewhere and can't reach this server's own address. Use LETTA_TOOL_SANDBOX=process"
_RESULT = "/tmp/letta-result.json"  # noqa: S108 - in a machine of its own
_PROGRAM = f"""
import json, sys
sys.path.insert(0, "/tmp")
import letta_harness
request = json.load(open("/tmp/letta-request.json"))
answer = letta_harness.run(request)
open("{_RESULT}", "w").write(json.dumps(answer))
"""


class E2bEngine:
    """Makes a sandbox for each call and ends it afterwards."""

    name = "e2b"

    def __init__(self, settings: Settings) -> None:
        self._key = settings.e2b_api_key.get_secret_value() if settings.e2b_api_key else None
        self._template = settings.e2b_template

    async def run(self, execution: Execution) -> Outcome:
        """Run a tool's function in a sandbox of its own."""
        try:
            from e2b import AsyncSandbox
        except ImportError:
            return failed(
                "RuntimeError: LETTA_TOOL_SANDBOX is e2b, but the package e2b isn't installed. Install it with the "
                "server (pip install e2b), or choose monty or process."
            )
        if self._key is None:
            return failed(
                "RuntimeError: LETTA_TOOL_SANDBOX is e2b, but E2B_API_KEY is not set. Set it, or choose another engine."
            )
        try:
            return await self._run(AsyncSandbox, execution)
        except TimeoutError:
            return failed(timeout_error(execution.seconds))
        except (ConfigurationError, asyncio.CancelledError):
            raise
        except Exception as error:  # the SDK's errors have no common class that is documented
            return failed(f"RuntimeError: E2B could not run the function ({type(error).__name__}: {error}). Try again.")

    async def close(self) -> None:
        """Each call has ended its own sandbox."""

    async def _run(self, sandboxes: Any, execution: Execution) -> Outcome:
        lifetime = int(execution.seconds) + _SPARE_SECONDS
        sandbox = await sandboxes.create(template=self._template, api_key=self._key, timeout=lifetime)
        try:
            return await self._call(sandbox, execution)
        finally:
            await sandbox.kill()

    async def _call(self, sandbox: Any, execution: Execution) -> Outcome:
        if execution.pip_requirements:
            await sandbox.commands.run(f"pip install --quiet {_wanted(execution)}", timeout=_SPARE_SECONDS)
        await sandbox.files.write("/tmp/letta_harness.py", Path(harness.__file__).read_text())  # noqa: S108, ASYNC240
        await sandbox.files.write("/tmp/letta-request.json", _request(execution))  # noqa: S108
        await sandbox.files.write("/tmp/letta-run.py", _PROGRAM)  # noqa: S108
        pieces: dict[str, str] = {"stdout": "", "stderr": ""}
        handle = await sandbox.commands.run(
            "python3 /tmp/letta-run.py",
            envs=execution.environment,
            background=True,
            on_stdout=lambda text: _keep(pieces, "stdout", text),
            on_stderr=lambda text: _keep(pieces, "stderr", text),
            timeout=execution.seconds,
        )
        async with asyncio.timeout(execution.seconds):
            code = await _exit_code(handle)
        result = await sandbox.files.read(_RESULT) if code == 0 else ""
        answer = {"ended": "exited", "code": code, "result": result, **pieces}
        return outcome_of(json.dumps(answer).encode(), execution, 0)


async def _exit_code(handle: Any) -> int:
    try:
        ended = await handle.wait()
    except Exception as error:  # raised for any code but 0
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        return int(code)
    return int(ended.exit_code)


def _keep(pieces: dict[str, str], stream: str, text: str) -> None:
    pieces[stream] = (pieces[stream] + text)[:OUTPUT_CHARACTERS]


def _request(execution: Execution) -> str:
    request = {
        "source": execution.source,
        "function": execution.function,
        "arguments": execution.arguments,
        "agent_state": execution.agent_state,
        "client_problem": execution.client_problem or (_NO_CLIENT if execution.client else None),
    }
    return json.dumps(request)


def _wanted(execution: Execution) -> str:
    wanted = [
        f"{item['name']}=={item['version']}" if item.get("version") else item["name"]
        for item in execution.pip_requirements
    ]
    return shlex.join(wanted)
