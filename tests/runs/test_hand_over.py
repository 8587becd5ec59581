"""What becomes of a run whose process ends in the middle of it, beside an ordinary step: tools, decisions, compaction.

That an ordinary step is asked for again elsewhere is shown in test_two_instances.py.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.runs.instances import Instance, make
from tests.runs.test_background_streams import resume, text_of
from tests.runs.test_two_instances import begin, expect_one_turn
from tests.support.http_server import Answering, Request
from tests.support.receiver import Receiver
from tests.support.waiting import until
from tests.talking import AgentTalk, summaries_in, types

Json = dict[str, Any]
Instances = Callable[[], Instance]
End = Callable[[Instance], object]
EDIT = Call("memory_insert", {"label": "human", "new_string": "Likes tea."}, id="call-edit")
ENDS: dict[str, End] = {"stopped": lambda one: one.server.terminate(), "killed": lambda one: one.server.kill()}

pytestmark = pytest.mark.slow


class SlowPage(Answering):
    """A page that isn't there before it is let go."""

    def __init__(self) -> None:
        super().__init__(self._wait)
        self.go = threading.Event()

    @property
    def call(self) -> Call:
        return Call("fetch_webpage", {"url": f"{self.url}/"}, id="call-page")

    def _wait(self, _request: Request) -> None:
        self.go.wait(20)


@pytest.fixture
def page() -> Iterator[SlowPage]:
    with SlowPage() as page:
        yield page
        page.go.set()


def failed(talk: AgentTalk, run_id: str) -> Json:
    """The run, once it has ended, which must be as failed."""
    run = until(lambda: (found := talk.run(run_id))["status"] != "running" and found)
    assert run
    assert (run["status"], run["stop_reason"]) == ("failed", "error")
    return run


@pytest.mark.parametrize("end", ENDS.values(), ids=list(ENDS))
def test_a_tool_with_effects_elsewhere_is_not_run_again(
    pair: tuple[Instance, Instance], model: ScriptedModel, page: SlowPage, end: End
) -> None:
    first, second = pair
    talk = make(first.http, tools=["memory_insert", "fetch_webpage"])
    script = model.script(Reply("Let me look.", calls=[page.call]), Reply("Never."))
    run_id = begin(talk, script)
    until(lambda: page.asked)
    end(first)
    talk = second.at(talk)
    assert "may have taken effect" in failed(talk, run_id)["metadata"]["error"]["detail"]
    assert types(resume(second.http, run_id))[-2:] == ["stop_reason", "error_message"]
    assert (len(page.asked), len(script.requests)) == (1, 1)
    (returned,) = [m for m in talk.history() if m["message_type"] == "tool_return_message"]
    assert (returned["status"], returned["tool_call_id"]) == ("error", "call-page")
    assert "interrupted" in returned["tool_return"]
    later = model.script(Reply("I am."))
    talk.say(later.say("Are you there?"))
    told = later.requests[0].body["messages"]
    assert [m["role"] for m in told] == ["system", "user", "assistant", "tool", "user"]


def test_a_decision_is_carried_out_once(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    """In a conversation, whose run is continued from the step that carried the decision out."""
    first, second = pair
    talk = make(first.http)
    first.http.patch(f"/v1/agents/{talk.id}/tools/approval/memory_insert", json={"requires_approval": True})
    conversation = first.http.post("/v1/conversations", params={"agent_id": talk.id}, json={}).json()["id"]
    path = f"/v1/conversations/{conversation}/messages"
    script = model.script(Reply(calls=[EDIT]), Reply("Done.", hold=True))
    asked = first.http.post(path, json={"input": script.say(), "streaming": False}).json()
    assert asked["stop_reason"]["stop_reason"] == "requires_approval"
    item = {"type": "approval", "tool_call_id": "call-edit", "approve": True}
    body = {"messages": [{"type": "approval", "approvals": [item]}], "background": True}
    with first.http.stream("POST", path, json=body) as response:
        next(response.iter_lines())
    script.wait_asked(2)
    first.server.kill()
    script.wait_asked(3)
    (run,) = second.http.get("/v1/runs", params={"conversation_id": conversation, "active": True}).json()
    script.release()
    assert text_of(resume(second.http, run["id"])) == "Done."
    assert second.at(talk).block("human") == "Name: Ada.\nLikes tea."
    listed = second.http.get(path, params={"order": "asc"}).json()
    assert types(listed)[1:] == [
        "user_message",
        "approval_request_message",
        "approval_response_message",
        "tool_return_message",
        "assistant_message",
    ]


def test_an_approved_tool_with_effects_elsewhere_is_not_run_again(
    pair: tuple[Instance, Instance], model: ScriptedModel, page: SlowPage
) -> None:
    first, second = pair
    talk = make(first.http, tools=["fetch_webpage"])
    first.http.patch(f"/v1/agents/{talk.id}/tools/approval/fetch_webpage", json={"requires_approval": True})
    script = model.script(Reply(calls=[page.call]), Reply("Never."))
    talk.say(script.say())
    item = {"type": "approval", "tool_call_id": "call-page", "approve": True}
    body = {"messages": [{"type": "approval", "approvals": [item]}]}
    run_id = first.http.post(f"{talk.path}/async", json=body).json()["id"]
    until(lambda: page.asked)
    first.server.kill()
    talk = second.at(talk)
    assert "may have taken effect" in failed(talk, run_id)["metadata"]["error"]["detail"]
    assert (len(page.asked), len(script.requests)) == (1, 1)
    assert types(talk.history())[-2:] == ["approval_response_message", "tool_return_message"]
    assert types(talk.say("Are you there?")["messages"]) == ["assistant_message"]


def test_a_compaction_is_taken_over(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(*[Reply("Noted.")] * 3, without_tools=Reply("They spoke of tea.", hold=True))
    for number in range(3):
        talk.say(script.say(f"Remark {number}."))
    body = {"compaction_settings": {"mode": "all"}}
    thread = threading.Thread(target=_ask_in_vain, args=(first.http, f"/v1/agents/{talk.id}/summarize", body))
    thread.start()
    script.wait_asked(4)
    first.server.terminate()
    thread.join(10)
    script.wait_asked(5)
    script.release()
    again = second.http.post(
        f"/v1/agents/{talk.id}/summarize", json=body, headers={"x-stainless-retry-count": "1"}
    ).json()
    assert again == {"summary": "They spoke of tea.", "num_messages_before": 7, "num_messages_after": 2}
    assert len(summaries_in(second.at(talk).history())) == 1
    assert types(second.at(talk).say("Go on.")["messages"]) == ["assistant_message"]


def _ask_in_vain(http: httpx2.Client, path: str, body: Json) -> None:
    """Send a request whose server ends before it answers, or tells that it does."""
    try:
        assert http.post(path, json=body).status_code == 503
    except httpx2.TransportError:
        return


def test_who_takes_a_run_over_tells_its_end(
    pair: tuple[Instance, Instance], model: ScriptedModel, receiver: Receiver
) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply("Done.", hold=True))
    body = {"input": script.say(), "callback_url": receiver.address}
    run_id = first.http.post(f"{talk.path}/async", json=body).json()["id"]
    script.wait_asked()
    first.server.kill()
    script.wait_asked(2)
    script.release()
    until(lambda: receiver.received)
    assert [(told["run_id"], told["status"]) for told in receiver.told] == [(run_id, "completed")]
    expect_one_turn(second.at(talk), script, "Done.")


def test_a_run_is_taken_over_at_most_twice(instances: Instances, model: ScriptedModel) -> None:
    """A run that brings down every process which carries it out doesn't bring down all that come after."""
    first = instances().ready()
    talk = make(first.http)
    script = model.script(Reply("Never.", hold=True))
    run_id = begin(talk, script)
    current = first
    for asked in (1, 2, 3):
        script.wait_asked(asked)
        following = instances().ready()
        current.server.kill()
        current = following
    talk = current.at(talk)
    assert "interrupted 3 times" in failed(talk, run_id)["metadata"]["error"]["detail"]
    assert types(resume(current.http, run_id)) == ["ping", "stop_reason", "error_message"]
    assert len(script.requests) == 3
    assert types(talk.say("Are you there?")["messages"]) == ["assistant_message"]
