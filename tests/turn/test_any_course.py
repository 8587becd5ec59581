"""No wedged agents: whatever happens to an agent, in whatever order, it can be talked to afterwards.

Every request that its models got meanwhile is one that their providers accept, in each provider's own form.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from operator import methodcaller
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letta.testing.model.recorder import RecordedRequest
from letta.testing.model.stage import WIRES
from letta.testing.model.wire import Incoming
from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import environment_of_all_providers
from tests.talking import AgentTalk
from tests.turn.test_history import assert_acceptable

Json = dict[str, Any]
pytestmark = pytest.mark.slow

MODELS = [
    "openai-proxy/gpt-4o-mini",
    "openai-proxy/gpt-5-mini",
    "anthropic/claude-haiku-4-5",
    "anthropic/claude-opus-5-5",
    "google_ai/gemini-3.8-flash",
]
"""One for each form of requests, and for each way to treat a model's thoughts."""


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedModel]:
    with ScriptedModel(models=["gpt-4o-mini", "gpt-5-mini"]) as model:
        yield model


@pytest.fixture(scope="module")
def everywhere(postgres_uri: str, provider: ScriptedModel) -> Iterator[httpx2.Client]:
    """A connection to a server with all these models."""
    with throwaway_schema(postgres_uri) as schema:
        environment = environment_of_all_providers(postgres_uri, schema, provider)
        with ServerProcess(environment) as server, httpx2.Client(base_url=server.url, timeout=30) as opened:
            yield opened


class Course:
    """An agent to which things happen. One of its tools needs approval."""

    def __init__(self, http: httpx2.Client, model: ScriptedModel, handle: str) -> None:
        self.model = model
        self.name = uuid.uuid4().hex
        self.agent = AgentTalk(
            http,
            model=handle,
            system=f"You are {self.name}.",
            tools=["memory_insert", "memory_replace"],
            tool_rules=[{"type": "requires_approval", "tool_name": "memory_insert"}],
            include_base_tool_rules=False,
            memory_blocks=[{"label": "human", "value": "Name: Ada."}],
            model_settings=settings_for(handle),
        )
        self.calls = 0

    def change_model(self, handle: str) -> None:
        """Let another model go on with what this one has said, thought and called."""
        body = {"model": handle, "model_settings": settings_for(handle)}
        assert self.agent.http.patch(f"/v1/agents/{self.agent.id}", json=body).status_code == 200

    def gated(self) -> Call:
        self.calls += 1
        return Call("memory_insert", {"label": "human", "new_string": "x"}, id=f"call-{self.calls}")

    def free(self) -> Call:
        self.calls += 1
        return Call("memory_replace", {"label": "human", "old_string": "?", "new_string": "!"}, id=f"call-{self.calls}")

    def ask(self, *replies: Reply, without_tools: Reply | None = None) -> int:
        """Send a message that is answered so, and tell the status."""
        script = self.model.script(*replies, without_tools=without_tools)
        return self.agent.post({"input": script.say()}).status_code

    def cancel_during(self, *replies: Reply) -> None:
        """Cancel a turn during the last of these replies."""
        script = self.model.script(*replies)
        thread = threading.Thread(target=lambda: self.agent.post({"input": script.say()}))
        thread.start()
        if self.waits_for():
            thread.join(10)  # it was refused
            return
        script.wait_asked(len(replies))
        self.agent.cancel()
        thread.join(10)
        script.release()

    def waits_for(self) -> list[str]:
        """The calls that wait for a decision."""
        pending = self.agent.retrieve("pending_approval")["pending_approval"]
        return [call["tool_call_id"] for call in pending["tool_calls"]] if pending else []

    def decide(self, answer: str, *then: Json) -> None:
        """Approve, deny, or approve the first call alone, if any wait."""
        ids = self.waits_for()
        approve = [answer == "approve" or (answer == "part" and place == 0) for place in range(len(ids))]
        items = [
            {"type": "approval", "tool_call_id": one, "approve": yes} for one, yes in zip(ids, approve, strict=True)
        ]
        if items:
            self.agent.post({"messages": [{"type": "approval", "approvals": items}, *then]})

    def end(self) -> None:
        """See that it can be talked to, and what its model was sent all the while."""
        if self.waits_for():
            assert self.ask(Reply("Never.")) == 409
            self.agent.cancel()
        assert self.ask(Reply("Here I am.")) == 200
        requests = [request for request in self.model.requests(containing=self.name) if request.method == "POST"]
        assert requests
        for request in requests:
            assert objection(request) is None
            if request.path.endswith("/chat/completions"):
                assert_acceptable(request.body["messages"])


def settings_for(handle: str) -> Json:
    kind = "openai" if handle.startswith("openai") else handle.partition("/")[0]
    return {"provider_type": kind, "parallel_tool_calls": True}


def objection(request: RecordedRequest) -> str | None:
    """What the request's provider finds wrong with it."""
    wire = next(wire for wire in WIRES if wire.accepts(request.method, request.path))
    return wire.objection(Incoming(request.method, request.path, {}, request.headers, None, request.body))


EVENTS: dict[str, Callable[[Course], object]] = {
    "a word": lambda c: c.ask(Reply("A word.")),
    "nothing said": lambda c: c.ask(Reply("")),
    "a thought": lambda c: c.ask(Reply("A word.", reasoning="Hm.")),
    "a thought and a call": lambda c: c.ask(Reply(reasoning="Hm.", calls=[c.free()]), Reply("Done.")),
    "a thought about a gated call": lambda c: c.ask(Reply(reasoning="Hm.", calls=[c.gated()])),
    "a call with an old id": lambda c: c.ask(Reply(calls=[Call("memory_replace", {}, id="call-0")]), Reply("Done.")),
    "a call": lambda c: c.ask(Reply("Let me see.", calls=[c.free()]), Reply("Done.")),
    "broken arguments": lambda c: c.ask(Reply(calls=[Call("memory_replace", '{"label": ')]), Reply("Sorry.")),
    "an unknown tool": lambda c: c.ask(Reply(calls=[Call("fly")]), Reply("Sorry.")),
    "a gated call": lambda c: c.ask(Reply(calls=[c.gated()])),
    "gated and free calls": lambda c: c.ask(Reply("Both.", calls=[c.gated(), c.free(), c.gated()])),
    "approval": lambda c: c.decide("approve"),
    "denial": lambda c: c.decide("deny"),
    "both": lambda c: c.decide("part", {"role": "user", "content": "And go on."}),
    "a failure": lambda c: c.ask(Reply("", error=Failure("bad_request"))),
    "a failure after a call": lambda c: c.ask(Reply(calls=[c.free()]), Reply("", error=Failure("bad_request"))),
    "a cut line": lambda c: c.ask(Reply(calls=[c.free()]), Reply("Cut.", error=Failure("cut", times=1))),
    "too long": lambda c: c.ask(Reply("It fits.", error=Failure("context_overflow", times=1))),
    "cancelled": lambda c: c.cancel_during(Reply("Never.", hold=True)),
    "cancelled after a call": lambda c: c.cancel_during(Reply(calls=[c.free()]), Reply("Never.", hold=True)),
    "compaction": lambda c: c.agent.http.post(
        f"/v1/agents/{c.agent.id}/summarize", json={"compaction_settings": {"mode": "all"}}
    ),
    "reset": lambda c: c.agent.http.patch(f"/v1/agents/{c.agent.id}/reset-messages", json={}),
}


EVENTS |= {f"{handle} goes on": methodcaller("change_model", handle) for handle in MODELS}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(handle=st.sampled_from(MODELS), happens=st.lists(st.sampled_from(sorted(EVENTS)), min_size=2, max_size=8))
def test_no_course_of_events_bricks_an_agent(
    everywhere: httpx2.Client, provider: ScriptedModel, handle: str, happens: list[str]
) -> None:
    course = Course(everywhere, provider, handle)
    for name in happens:
        EVENTS[name](course)
    course.end()
