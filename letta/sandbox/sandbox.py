"""The engine that the settings choose, made when the first tool runs."""

from pathlib import Path
from typing import TYPE_CHECKING

from letta.sandbox.policy import engine_name
from letta.sandbox.run_tokens import RunTokens
from letta.settings import Settings

if TYPE_CHECKING:
    from letta.sandbox.execution import Engine, Execution, Outcome


class Sandbox:
    """Where this server's custom tools run.

    Attributes:
        tokens: the keys of the runs that are under way.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self.tokens = RunTokens()

    @property
    def seconds(self) -> float:
        """What one call may take."""
        return self._settings.tool_sandbox_timeout

    @property
    def base_url(self) -> str:
        """Where tools' clients find this process."""
        host = self._settings.bind_host
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - is compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self._settings.bind_port}"

    async def run(self, execution: "Execution") -> "Outcome":
        """Run a tool's function."""
        if self._engine is None:
            self._engine = _make(self._settings)
        return await self._engine.run(execution)

    async def close(self) -> None:
        """End whatever is running."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()


def tool_directory(settings: Settings) -> Path:
    """Where the directories are made that tools run in."""
    return settings.tool_exec_dir or settings.letta_dir / "tools"


def _make(settings: Settings) -> "Engine":
    # Each engine, and the library that it takes, is imported by the servers that use it.
    match engine_name(settings):
        case "process":
            from letta.sandbox.engines.process import ProcessEngine

            _hide()
            return ProcessEngine(tool_directory(settings), memory_bytes=settings.tool_memory_mb << 20)
        case "monty":
            from letta.sandbox.engines.monty import MontyEngine

            _hide()
            return MontyEngine(memory_bytes=settings.tool_memory_mb << 20)
        case "e2b":
            from letta.sandbox.engines.e2b import E2bEngine

            return E2bEngine(settings)
    from letta.sandbox.engines.off import OffEngine

    return OffEngine()


def _hide() -> None:
    from letta.sandbox.hiding import hide_from_tools

    hide_from_tools()
