"""The texts that the journeys send, and what must come of it with every client."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess

TOKENS = "One word after the other."


def travel(
    command: Sequence[str], server: ServerProcess, model: ScriptedModel, *, env: Mapping[str, str], cwd: Path
) -> dict[str, Any]:
    """Run a journey as a process; what it saw."""
    done = subprocess.run(
        [*command, server.url, json.dumps(_texts(model))],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def _texts(model: ScriptedModel) -> dict[str, str]:
    edit = Call("memory_insert", {"label": "human", "new_string": "Walks a lot."})
    return {
        "edit": model.script(Reply(calls=[edit]), Reply("Noted.")).say("I walk a lot."),
        "steps": model.script(Reply("In one piece.")).say("Step by step."),
        "tokens": model.script(Reply(TOKENS)).say("Word by word."),
    }


EXPECTED = {
    "health": "ok",
    "models": True,
    "retrieved": "Traveller",
    "listed": [True],
    "renamed": "Walker",
    "edit": ["tool_call_message", "tool_return_message", "assistant_message"],
    "stop": "end_turn",
    "steps taken": 2,
    "block": "Likes tea.\nWalks a lot.",
    "steps": ["assistant_message", "stop_reason", "usage_statistics"],
    "in pieces": True,
    "tokens": TOKENS,
    "history": [
        "system_message",
        "user_message",
        "tool_call_message",
        "tool_return_message",
        "assistant_message",
        "user_message",
        "assistant_message",
        "user_message",
        "assistant_message",
    ],
    "blocks": ["human", "persona"],
    "block updated": "Likes cake.",
    "attached": "A third one.",
    "deleted": 404,
}
