"""The course of events: write, kill, lose LETTA_DIR, start again, compare, go on."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from letta.settings import Settings
from letta.testing.persistence import CheckFailedError
from letta.testing.persistence.database import Place, place
from letta.testing.persistence.things import LEARNED, SAID, THINGS, differences
from letta.testing.persistence.watch import Watch
from letta.testing.persistence.world import MODEL, World
from letta.testing.protected_mcp import protected
from letta.testing.scripted_model import Reply, Script, ScriptedModel
from letta.testing.server import ServerProcess

_LEASE_SECONDS = 2
_PATIENT_RETRIES = 8
"""For the first request to a conversation whose lease, that of the killed process, has yet to run out."""
_SHOWN = 5


@dataclass
class _Stage:
    place: Place
    letta_dir: Path
    server: ServerProcess
    model: ScriptedModel
    watch: Watch
    sign_in_url: str

    def world(self, ids: dict[str, str]) -> World:
        return World(self.server.client(), self.model, self.sign_in_url, ids)


def check_restart(settings: Settings, say: Callable[[str], None]) -> None:
    """Carry the check out, telling of each part that has succeeded.

    Raises:
        CheckFailedError: something was lost or changed, or the agent doesn't go on.
    """
    with _stage(settings) as stage:
        world = stage.world({})
        say(f"Server started: data in {stage.place.description}")
        for thing in THINGS:
            thing.write(world)
        before = {thing.name: thing.read(world) for thing in THINGS}
        missing = [name for name, found in before.items() if not found]
        if missing:
            raise CheckFailedError(f"Nothing was found of what had been written: {', '.join(missing)}.")
        say(f"Written through the official client: {_counts(before)}")
        cut = _crash(stage, world)
        _start_again(stage)
        say("Server killed (SIGKILL) in the middle of a turn, LETTA_DIR wiped, server started again")
        world = stage.world(world.ids)
        _compare(before, {thing.name: thing.read(world) for thing in THINGS})
        say("Everything is there, unchanged and in order")
        _expect_input_kept(world, cut)
        say("The message of the turn that was cut off is there, once, and its agent answers again")
        _expect_going_on(world)
        say("The agent goes on: the model is shown its memory edit and the conversation so far")
        stage.watch.look(stage.server.pid)
        stage.server.stop()
        paths = stage.watch.conclude()
        say(f"Nothing written outside LETTA_DIR and the database ({paths} paths in them seen being written)")


@contextmanager
def _stage(settings: Settings) -> Iterator[_Stage]:
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="letta-check-")))
        data = stack.enter_context(place(settings, base / "pg"))
        letta_dir = base / "letta"
        allowed = [letta_dir, base / "server.log", *([data.directory] if data.directory else [])]
        watch = Watch(base, allowed)
        model = stack.enter_context(ScriptedModel())
        sign_in_url = stack.enter_context(protected("streamable-http"))
        environment = {
            **data.environment,
            **watch.environment,
            "LETTA_DIR": str(letta_dir),
            "LETTA_RUN_LEASE_SECONDS": str(_LEASE_SECONDS),
            "LETTA_GRACEFUL_SHUTDOWN_SECONDS": "5",
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_KEY": "sk-scripted",
            "LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1",
        }
        server = ServerProcess(environment, directory=base, working_directory=watch.working_directory)
        yield _Stage(data, letta_dir, stack.enter_context(server), model, watch, sign_in_url)


def _counts(found: dict[str, Any]) -> str:
    return ", ".join(f"{len(things)} {name}" for name, things in found.items())


def _crash(stage: _Stage, world: World) -> Script:
    """Kill the server while it waits for the model. Returns the script of the turn that is cut off."""
    agent = world.client.agents.create(name="Cut off", model=MODEL)
    world.ids["cut off"] = agent.id
    script = stage.model.script(Reply("Never seen.", hold=True), Reply("Here I am again."))
    client = stage.server.client(max_retries=0)
    sending = threading.Thread(target=_send_in_vain, args=(client, agent.id, script.say("Are you there?")))
    sending.start()
    script.wait_asked()
    stage.watch.look(stage.server.pid)
    stage.server.kill()
    sending.join()
    script.release()
    return script


def _send_in_vain(client: Any, agent_id: str, text: str) -> None:
    from letta_client import APIConnectionError

    try:
        client.agents.messages.create(agent_id, input=text)
    except APIConnectionError:
        return
    raise AssertionError("a turn was answered although its model had not")


def _start_again(stage: _Stage) -> None:
    log_file = stage.letta_dir / "logs" / "Letta.log"
    if not log_file.exists():
        raise CheckFailedError(f"The server made no log file {log_file}.")
    shutil.rmtree(stage.letta_dir)
    stage.server.start()
    if not log_file.exists():
        raise CheckFailedError(f"Started again, the server made no log file {log_file}.")


def _compare(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = list(differences(before, after))
    if found:
        more = f"\n  … and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise CheckFailedError("After the restart:\n  " + "\n  ".join(found[:_SHOWN]) + more)


def _expect_input_kept(world: World, cut: Script) -> None:
    agent = world.ids["cut off"]
    text = cut.say("Are you there?")
    listed = [message for message in world.client.agents.messages.list(agent) if _text(message) == text]
    if len(listed) != 1:
        raise CheckFailedError(f"The message of the turn that was cut off is listed {len(listed)} times, not once.")
    patient = world.client.with_options(max_retries=_PATIENT_RETRIES)
    answer = patient.agents.messages.create(agent, input=world.model.script(Reply("Here I am.")).say())
    if not any(_text(message) == "Here I am." for message in answer.messages):
        raise CheckFailedError("The agent whose turn was cut off doesn't answer.")


def _expect_going_on(world: World) -> None:
    script = world.model.script(Reply("Your green tea."))
    answer = world.client.agents.messages.create(world.ids["ada"], input=script.say("Bring it, please."))
    if not any(_text(message) == "Your green tea." for message in answer.messages):
        raise CheckFailedError("The agent doesn't answer.")
    request = script.requests[0]
    system, *history = request.body["messages"]
    if LEARNED not in system["content"]:
        raise CheckFailedError("What the agent had learned isn't in the system message of its next turn.")
    texts = [str(message.get("content")) for message in history if message["role"] == "user"]
    if [said for said, text in zip(SAID, texts, strict=False) if said in text] != SAID:
        raise CheckFailedError("The earlier messages aren't in the next turn's request, or not in their order.")


def _text(message: Any) -> Any:
    return getattr(message, "content", None)
