"""Steps whose transaction breaks and is run again: what the agent is shown stays true to what is stored."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from letta.testing.postgres import PostgresWire, throwaway_schema
from letta.testing.scripted_model import Call, Failure, Reply, Script, ScriptedModel, Usage
from letta.testing.server import ServerProcess
from tests.support.servers import environment_of
from tests.talking import AgentTalk, summaries_in
from tests.turn.test_interruptions import in_background, insert, make

pytestmark = pytest.mark.slow

STEP = "WITH lease AS"
"""How the last statement of each step's transaction begins."""
ATTEMPTS = 4
"""So often a transaction is tried before it counts as failed."""


@pytest.fixture(scope="module")
def wired(embedded_uri: str, scripted_model: ScriptedModel) -> Iterator[tuple[PostgresWire, httpx2.Client]]:
    """A server whose connections to Postgres can be cut, and a client of it."""
    with ExitStack() as stack:
        schema = stack.enter_context(throwaway_schema(embedded_uri))
        wire = stack.enter_context(PostgresWire(embedded_uri))
        server = stack.enter_context(ServerProcess(environment_of(wire.uri, schema, scripted_model)))
        yield wire, stack.enter_context(httpx2.Client(base_url=server.url, timeout=60, trust_env=False))


@pytest.fixture
def wire(wired: tuple[PostgresWire, httpx2.Client]) -> PostgresWire:
    return wired[0]


@pytest.fixture
def http(wired: tuple[PostgresWire, httpx2.Client]) -> httpx2.Client:
    return wired[1]


def stored(agent: AgentTalk) -> str:
    """The system message as it is stored."""
    (system,) = [m for m in agent.history() if m["message_type"] == "system_message"]
    return str(system["content"])


def shown(script: Script) -> str:
    """The system message that the model was shown last."""
    return str(script.requests[-1].body["messages"][0]["content"])


def patch(agent: AgentTalk, value: str) -> None:
    """Change the block as a client does."""
    path = f"/v1/agents/{agent.id}/core-memory/blocks/human"
    assert agent.http.patch(path, json={"value": value}).status_code == 200


def test_an_edit_that_is_made_again_is_shown(wire: PostgresWire, http: httpx2.Client, model: ScriptedModel) -> None:
    """The second attempt took the message for current, as the first had noted that, and so it never was again."""
    agent = make(http)
    script = model.script(Reply(calls=[insert("Likes tea.")]), Reply("Done."), Reply("Later."))
    wire.cut_at(STEP, "before")
    agent.say(script.say())
    assert agent.block("human") == "Name: Ada.\nLikes tea."
    assert "Likes tea." in stored(agent)
    assert "Likes tea." in shown(script)
    agent.say(script.say())
    assert "Likes tea." in shown(script)


def test_the_first_passage_that_is_kept_again_is_counted(
    wire: PostgresWire, http: httpx2.Client, model: ScriptedModel
) -> None:
    agent = make(http, tools=["archival_memory_insert"])
    keep = Call("archival_memory_insert", {"content": "Ada likes tea."})
    script = model.script(Reply(calls=[keep]), Reply("Kept."))
    wire.cut_at(STEP, "before")
    agent.say(script.say())
    assert "1 entries are in archival memory" in stored(agent)
    assert stored(agent) == shown(script)


def test_an_approved_edit_that_is_made_again_is_shown(
    wire: PostgresWire, http: httpx2.Client, model: ScriptedModel
) -> None:
    agent = make(http, tool_rules=[{"type": "requires_approval", "tool_name": "memory_insert"}])
    script = model.script(Reply(calls=[insert("Likes tea.")]), Reply("Done."))
    asked = agent.say(script.say())["messages"][-1]
    wire.cut_at(STEP, "before")
    call_id = asked["tool_call"]["tool_call_id"]
    approval = {"type": "approval", "tool_call_id": call_id, "approve": True}
    agent.send({"type": "approval", "approvals": [approval]})
    assert stored(agent) == shown(script)
    assert "Likes tea." in shown(script)


def test_an_edit_whose_commit_was_not_answered_is_shown(
    wire: PostgresWire, http: httpx2.Client, model: ScriptedModel
) -> None:
    """What the transaction has seen is looked up, as the turn knows nothing of it."""
    agent = make(http)
    script = model.script(Reply(calls=[insert("Likes tea.")], hold=True), Reply("Done."))
    sender = in_background(lambda: agent.say(script.say()))
    script.wait_asked()
    wire.cut_at("^COMMIT", "after")
    script.release()
    sender.join(60)
    assert agent.block("human") == "Name: Ada.\nLikes tea."
    assert stored(agent) == shown(script)
    assert "Likes tea." in shown(script)


def test_an_edit_that_came_to_nothing_is_not_taken_for_shown(
    wire: PostgresWire, http: httpx2.Client, model: ScriptedModel
) -> None:
    """The end of the failed run noted that its edit was shown, so that the same edit by somebody else never was."""
    agent = make(http)
    script = model.script(Reply(calls=[insert("Likes tea.")]), Reply("Hello."))
    for _ in range(ATTEMPTS):
        wire.cut_at(STEP, "before")
    assert agent.post({"input": script.say()}).status_code == 503
    assert agent.block("human") == "Name: Ada."
    patch(agent, "Name: Ada.\nLikes tea.")
    assert "Likes tea." in stored(agent)


def test_the_end_of_a_turn_leaves_alone_what_others_have_shown_meanwhile(
    http: httpx2.Client, model: ScriptedModel
) -> None:
    """It noted the state that it knew, so that going back to this seemed to be no change."""
    agent = make(http)
    script = model.script(Reply("Hello.", hold=True))
    sender = in_background(lambda: agent.say(script.say()))
    script.wait_asked()
    patch(agent, "Name: Grace.")
    script.release()
    sender.join(60)
    assert "Name: Grace." in stored(agent)
    patch(agent, "Name: Ada.")
    assert "Name: Ada." in stored(agent)


def test_a_compaction_that_is_made_again_tells_its_counts(
    wire: PostgresWire, http: httpx2.Client, model: ScriptedModel
) -> None:
    agent = make(http)
    for _ in range(4):
        agent.say("Hello.")
    script = model.script(Reply("A long answer.", usage=Usage(input=120_000, output=10)))
    wire.cut_at("conversations SET system_digest", "before")
    agent.say(script.say())
    assert len(summaries_in(agent.history())) == 1
    following = model.script(Reply("Hello again."))
    agent.say(following.say())
    assert stored(agent) == shown(following)


def test_a_compaction_whose_commit_was_not_answered_is_told(
    wire: PostgresWire, http: httpx2.Client, model: ScriptedModel
) -> None:
    """The client was told that it had failed, and a turn did fail."""
    agent = make(http)
    script = model.script(*[Reply("Noted.")] * 2, without_tools=Reply("They spoke of tea.", hold=True))
    for number in range(2):
        agent.say(script.say(f"Remark {number}."))
    answers: list[httpx2.Response] = []
    body = {"compaction_settings": {"mode": "all"}}
    sender = in_background(lambda: answers.append(http.post(f"/v1/agents/{agent.id}/summarize", json=body)))
    script.wait_asked(3)
    wire.cut_at("^COMMIT", "after")
    script.release()
    sender.join(60)
    assert answers[0].json()["summary"] == "They spoke of tea."
    assert len(summaries_in(agent.history())) == 1
    following = model.script(Reply("Hello again."))
    agent.say(following.say())
    assert stored(agent) == shown(following)


def test_a_failed_turn_whose_end_was_not_answered_tells_why_it_failed(
    wire: PostgresWire, http: httpx2.Client, model: ScriptedModel
) -> None:
    """Its client was told that another process had taken it over."""
    agent = make(http)
    script = model.script(Reply("Never.", hold=True, error=Failure("bad_request")))
    answers: list[httpx2.Response] = []
    sender = in_background(lambda: answers.append(agent.post({"input": script.say()})))
    script.wait_asked()
    wire.cut_at("^COMMIT", "after")
    script.release()
    sender.join(60)
    assert answers[0].status_code == 400
    assert len(agent.retrieve()["message_ids"]) == 1
