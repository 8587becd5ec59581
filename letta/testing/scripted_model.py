"""A model provider that answers by script: a real HTTP server for tests, demos and benchmarks.

    with ScriptedModel() as model:
        script = model.script(
            Reply(calls=[Call("memory_insert", {"label": "human", "new_string": "Likes tea."})]),
            Reply("Noted."),
        )
        ...                      # a server with OPENAI_BASE_URL=model.base_url and any OPENAI_API_KEY
        agents.messages.create(agent_id, input=script.say("I like tea."))
        assert len(script.requests) == 2

A script is chosen by the marker that `Script.say` puts into a user message, its step by the number of assistant
messages that follow this one in the request. So the answer depends on the request alone, however many agents ask
at once. Requests without a marker, and those behind the last step, get the default reply.

API keys that begin with `bad` are refused. As a process of its own:
`python -m letta.testing.scripted_model --port N`, or `letta.testing.remote_model.ScriptedModelProcess`.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence

from letta.testing.endpoint import Endpoint, Script
from letta.testing.loop_thread import LoopThread
from letta.testing.model.openai_plain import DEFAULT_MODELS
from letta.testing.model.recorder import RecordedRequest
from letta.testing.model.script import DEFAULT_TEXT, SUMMARY_TEXT, Call, Failure, Reply, Scenario, Usage
from letta.testing.model.server import ModelServer
from letta.testing.model.stage import Stage

__all__ = [
    "DEFAULT_TEXT",
    "SUMMARY_TEXT",
    "Call",
    "Failure",
    "RecordedRequest",
    "Reply",
    "Script",
    "ScriptedModel",
    "Usage",
]


class ScriptedModel(Endpoint):
    """A scripted model in a thread of this process. A context manager, or `start` and `stop`."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        models: Sequence[str | Mapping[str, object]] = DEFAULT_MODELS,
        keep: int = 2000,
    ) -> None:
        """`models` are the entries of the model list, `keep` is how many requests are remembered."""
        self._host = host
        self._port = port
        self._stage = Stage(models, keep)
        self._server = ModelServer(self._stage)
        self._loop: LoopThread | None = None

    def start(self) -> "ScriptedModel":
        self._loop = LoopThread("scripted-model")
        try:
            port = self._loop.run(self._server.start(self._host, self._port))
        except OSError:
            self.stop()
            raise
        self.url = f"http://{self._host}:{port}"
        return self

    def stop(self) -> None:
        if self._loop is not None:
            self._loop.run(self._server.stop())
            self._loop.stop()
            self._loop = None

    def __enter__(self) -> "ScriptedModel":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def register(self, key: str, scenario: Scenario) -> None:
        self._stage.book.register(key, scenario)

    def set_default(self, reply: Reply) -> None:
        self._stage.book.set_default(reply)

    def fail(self, path: str, failure: Failure | None) -> None:
        self._stage.book.break_path(path, failure)

    def release(self, key: str) -> None:
        if self._loop is not None:
            self._loop.call(self._server.release, key)

    def requests(self, containing: str = "", path: str = "") -> list[RecordedRequest]:
        return self._stage.recorder.find(containing, path)

    def reset(self) -> None:
        self._stage.reset()


async def _serve(host: str, port: int, keep: int) -> None:
    server = ModelServer(Stage(keep=keep))
    port = await server.start(host, port)
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m letta.testing.scripted_model", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one; the URL is printed")
    parser.add_argument("--keep", type=int, default=2000, help="how many requests are remembered")
    options = parser.parse_args()
    asyncio.run(_serve(options.host, options.port, options.keep))


if __name__ == "__main__":
    main()
