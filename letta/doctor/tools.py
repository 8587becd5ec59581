"""Where custom tools run, and how well they are kept in there."""

import importlib.util
import os
import platform
import sys

from letta.doctor.check import Verdict, fail, ok, warn
from letta.doctor.context import DoctorContext
from letta.sandbox.child import landlock, seccomp


def sandbox(context: DoctorContext) -> Verdict:
    """Whether the engine can be had, and what confines a tool that it runs."""
    match context.tool_engine:
        case "monty":
            return _installed(
                "pydantic_monty", "pydantic-monty", "Custom tools run in Monty, which supports a part of Python."
            )
        case "e2b":
            if not context.has_e2b_key:
                return fail("LETTA_TOOL_SANDBOX is e2b, but E2B_API_KEY is not set.", "Set it, or another engine.")
            return _installed("e2b", "e2b", "Custom tools run at E2B.")
        case "process":
            return _process(context)
    return ok("Custom tools are switched off.")


def _installed(module: str, package: str, finding: str) -> Verdict:
    if importlib.util.find_spec(module) is None:
        return fail(
            f"{package} is not installed, so custom tools fail.",
            f"Install {package}, or set LETTA_TOOL_SANDBOX to another engine.",
        )
    return ok(finding)


def _process(context: DoctorContext) -> Verdict:
    if sys.platform != "linux":
        return fail("The engine process requires Linux.", "Set LETTA_TOOL_SANDBOX to monty, e2b or off.")
    version = landlock.version()
    if not version:
        whose = "files that anybody may read" if os.geteuid() == 0 else "all files of the server's user"
        return warn(
            f"Custom tools run in processes, and can read {whose}: this kernel has no Landlock.",
            "Let only people you trust write tools, or set LETTA_TOOL_SANDBOX=monty.",
        )
    finding = f"Custom tools run in processes that see only their own directory and Python (Landlock {version})."
    if not seccomp.is_known(platform.machine()):
        return warn(finding, "System calls are not filtered on this processor: let only people you trust write tools.")
    if not context.is_local:
        return warn(
            f"{finding} They can reach the server's network.",
            "Others can reach this server: give its password only to people you trust, or set "
            "LETTA_TOOL_SANDBOX=monty.",
        )
    return ok(finding)
