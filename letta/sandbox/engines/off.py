"""No tools at all."""

from letta.sandbox.execution import Execution, Outcome, failed


class OffEngine:
    """Runs nothing."""

    name = "off"

    async def run(self, execution: Execution) -> Outcome:
        """Tell that custom tools are switched off."""
        return failed(
            f"RuntimeError: '{execution.function}' was not run: custom tools are switched off on this server "
            "(LETTA_TOOL_SANDBOX=off). Continue without it; the operator can choose monty, process or e2b"
        )

    async def close(self) -> None:
        """Nothing runs."""
