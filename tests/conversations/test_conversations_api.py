"""Several conversations of one agent: side by side, with the same memory, forked, isolated, deleted."""

import json
import threading
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from tests.conversations.conftest import Begin, Conversation, contents, insert
from tests.talking import AgentTalk, types

Json = dict[str, Any]
UNKNOWN = "conv-00000000-0000-4000-8000-0000000000aa"
LARGE = "openai-proxy/gpt-4o"


def test_a_conversation_on_the_wire(talk: AgentTalk, begin: Begin) -> None:
    made = begin(summary="First talk").made
    assert made.pop("created_at") == made.pop("updated_at")
    assert made.pop("id").startswith("conv-")
    user = "user-00000000-0000-4000-8000-000000000000"
    assert made == {
        "created_by_id": user,
        "last_updated_by_id": user,
        "agent_id": talk.id,
        "summary": "First talk",
        "in_context_message_ids": [],
        "isolated_block_ids": [],
        "model": None,
        "model_settings": None,
        "last_message_at": None,
    }


def test_it_needs_no_body(talk: AgentTalk) -> None:
    made = talk.http.post("/v1/conversations/", params={"agent_id": talk.id})
    assert (made.status_code, made.json()["summary"]) == (200, None)


def test_it_begins_with_a_system_message_of_its_own(begin: Begin) -> None:
    conversation = begin()
    (system,) = conversation.history()
    assert system["message_type"] == "system_message"
    assert f"CONVERSATION_ID: {conversation.id}" in system["content"]
    assert "Name: Ada." in system["content"]
    assert conversation.retrieve()["in_context_message_ids"] == [system["id"]]


def test_conversations_know_nothing_of_each_other(talk: AgentTalk, begin: Begin, model: ScriptedModel) -> None:
    one, other = begin(), begin()
    one.say("Said in one.")
    talk.say("Said to the agent.")
    script = model.script(Reply("Hm."))
    other.say(script.say())
    asked = json.dumps(script.requests[0].body["messages"])
    assert "Said in one." not in asked
    assert "Said to the agent." not in asked
    assert contents(one.history()) == ["Said in one."]
    assert contents(talk.history(conversation_id="default")) == ["Said to the agent."]
    assert len(contents(talk.history())) == 3
    assert contents(talk.history(conversation_id=one.id)) == ["Said in one."]


def test_conversations_run_side_by_side(talk: AgentTalk, begin: Begin, model: ScriptedModel) -> None:
    one, other = begin(), begin()
    script = model.script(Reply("Slow.", hold=True))
    answers: list[Json] = []
    thread = threading.Thread(target=lambda: answers.append(one.say(script.say())))
    thread.start()
    script.wait_asked()
    assert types(other.say("Quick?")["messages"]) == ["assistant_message"]
    assert types(talk.say("Quick?")["messages"]) == ["assistant_message"]
    busy = one.http.post(f"{one.path}/messages", json={"input": "Me too?"})
    assert busy.status_code == 409
    assert busy.json()["run_id"].startswith("run-")
    assert int(busy.headers["retry-after"]) >= 1
    script.release()
    thread.join(10)
    assert contents(answers[0]["messages"], "assistant_message") == ["Slow."]


def test_a_conversation_sees_changes_of_blocks_and_no_frozen_system_message(
    talk: AgentTalk, begin: Begin, model: ScriptedModel
) -> None:
    """Conversations kept the system message they began with: now each sees changes from its next turn on."""
    conversation = begin()
    talk.say(model.script(Reply(calls=[insert("human", "Likes tea.")]), Reply("Noted.")).say())
    script = model.script(Reply("I know."))
    conversation.say(script.say())
    assert "Likes tea." in script.requests[0].body["messages"][0]["content"]
    assert "Likes tea." in conversation.history()[0]["content"]


def test_isolated_blocks_are_the_conversations_own(talk: AgentTalk, begin: Begin, model: ScriptedModel) -> None:
    conversation = begin(isolated_block_labels=["notes"])
    assert len(conversation.made["isolated_block_ids"]) == 1
    script = model.script(Reply(calls=[insert("notes", "Only here."), insert("human", "Everywhere.")]), Reply("Done."))
    conversation.say(script.say(), override_model=None)
    script_two = model.script(Reply(calls=[insert("human", "Everywhere.")]), Reply("Done."))
    conversation.say(script_two.say())
    assert talk.block("notes") == "Nothing yet."
    assert "Everywhere." in talk.block("human")
    next_turn = model.script(Reply("Yes."))
    conversation.say(next_turn.say())
    assert "Only here." in next_turn.requests[0].body["messages"][0]["content"]
    block = conversation.http.get(f"/v1/blocks/{conversation.made['isolated_block_ids'][0]}").json()
    assert block["value"] == "Nothing yet.\nOnly here."


def test_an_unknown_label_is_refused(talk: AgentTalk) -> None:
    response = talk.http.post(
        "/v1/conversations", params={"agent_id": talk.id}, json={"isolated_block_labels": ["mood"]}
    )
    assert response.status_code == 400
    assert "'mood'" in response.json()["detail"]
    assert "human, notes" in response.json()["detail"]


def test_sending_streams_by_default(begin: Begin, model: ScriptedModel) -> None:
    conversation = begin()
    script = model.script(Reply("Streamed."))
    with conversation.http.stream("POST", f"{conversation.path}/messages", json={"input": script.say()}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line]
    events = [json.loads(line[6:]) for line in lines[:-1]]
    assert types(events) == ["ping", "assistant_message", "stop_reason", "usage_statistics"]
    assert lines[-1] == "data: [DONE]"
    run = conversation.talk.run(events[0]["run_id"])
    assert (run["conversation_id"], run["metadata"]["run_type"]) == (conversation.id, "send_conversation_message")


def test_lists_are_newest_first_and_searchable(talk: AgentTalk, begin: Begin) -> None:
    made = [begin(summary=name) for name in ("About tea", "About coffee", "tea again")]
    listed = talk.http.get("/v1/conversations", params={"agent_id": talk.id}).json()
    assert [c["id"] for c in listed] == [c.id for c in reversed(made)]
    page = talk.http.get("/v1/conversations", params={"agent_id": talk.id, "limit": 1, "after": made[2].id}).json()
    assert [c["id"] for c in page] == [made[1].id]
    found = talk.http.get("/v1/conversations", params={"agent_id": talk.id, "summary_search": "TEA"}).json()
    assert [c["summary"] for c in found] == ["tea again", "About tea"]
    made[1].say("Hello.")
    latest = talk.http.get("/v1/conversations", params={"agent_id": talk.id, "order_by": "last_message_at"}).json()
    assert next(c["summary"] for c in latest) == "About coffee"


def test_hidden_and_archived_conversations_are_left_out_of_lists(talk: AgentTalk, begin: Begin) -> None:
    begin(hidden=True, summary="hidden")
    archived = begin(summary="archived")
    changed = archived.http.patch(archived.path, json={"archived": True}).json()
    assert changed["archived"] is True
    assert changed["archived_at"] is not None
    begin(summary="shown")

    def listed(**query: Any) -> list[str]:
        response = talk.http.get("/v1/conversations", params={"agent_id": talk.id} | query)
        return [c["summary"] for c in response.json()]

    assert listed() == ["shown"]
    assert listed(archive_status="archived") == ["archived"]
    assert listed(archive_status="all") == ["shown", "archived"]


def test_changes_leave_what_was_not_sent(begin: Begin) -> None:
    conversation = begin(summary="Old", model=LARGE)
    changed = conversation.http.patch(conversation.path, json={"summary": "New"}).json()
    assert (changed["summary"], changed["model"]) == ("New", LARGE)
    assert conversation.http.patch(conversation.path, json={"model": None}).json()["model"] is None


def test_the_model_is_that_of_the_request_else_of_the_conversation_else_of_the_agent(
    begin: Begin, model: ScriptedModel
) -> None:
    conversation = begin(model=LARGE, model_settings={"provider_type": "openai", "temperature": 0.1})

    def asked(**options: Any) -> Json:
        script = model.script(Reply("Hm."))
        conversation.say(script.say(), **options)
        body: Json = script.requests[0].body
        return body

    assert (asked()["model"], asked()["temperature"]) == ("gpt-4o", 0.1)
    assert asked(override_model="openai-proxy/gpt-4.1")["model"] == "gpt-4.1"
    conversation.http.patch(conversation.path, json={"model": None, "model_settings": None})
    assert asked()["model"] == "gpt-4o-mini"


def test_an_unknown_model_is_not_found(talk: AgentTalk) -> None:
    response = talk.http.post("/v1/conversations", params={"agent_id": talk.id}, json={"model": "openai-proxy/none"})
    assert response.status_code == 404


def test_a_fork_goes_on_by_itself(begin: Begin, model: ScriptedModel) -> None:
    source = begin()
    source.say("Common past.")
    fork = source.fork()
    assert fork.made["in_context_message_ids"] == []
    assert contents(fork.history()) == ["Common past."]
    assert len(fork.retrieve()["in_context_message_ids"]) == len(source.retrieve()["in_context_message_ids"])
    source.say("Only in the source.")
    script = model.script(Reply("Hm."))
    fork.say(script.say("Only in the fork."))
    asked = json.dumps(script.requests[0].body["messages"])
    assert "Common past." in asked
    assert "Only in the source." not in asked
    assert contents(source.history()) == ["Common past.", "Only in the source."]
    system = fork.retrieve()["in_context_message_ids"][0]
    assert system not in source.retrieve()["in_context_message_ids"]


def test_a_fork_may_begin_earlier(begin: Begin) -> None:
    source = begin()
    source.say("First.")
    answer = source.history()[-1]["id"]
    source.say("Second.")
    fork = source.fork(message_id=answer)
    assert contents(fork.history()) == ["First."]
    missing = source.http.post(
        f"{source.path}/fork", params={"message_id": "message-00000000-0000-4000-8000-0000000000aa"}
    )
    assert missing.status_code == 404


def test_a_fork_has_copies_of_isolated_blocks(begin: Begin, model: ScriptedModel) -> None:
    source = begin(isolated_block_labels=["notes"])
    source.say(model.script(Reply(calls=[insert("notes", "Mine.")]), Reply("Done.")).say())
    fork = source.fork()
    assert fork.made["isolated_block_ids"] != source.made["isolated_block_ids"]
    block = fork.http.get(f"/v1/blocks/{fork.made['isolated_block_ids'][0]}").json()
    assert block["value"] == "Nothing yet.\nMine."


def test_an_agents_own_conversation_is_forked_as_the_default(talk: AgentTalk) -> None:
    talk.say("Said to the agent.")
    for path in ("default", talk.id):
        response = talk.http.post(f"/v1/conversations/{path}/fork", params={"agent_id": talk.id})
        assert contents(Conversation(talk, response.json()).history()) == ["Said to the agent."]


def test_a_deleted_conversation_is_gone_with_its_messages(talk: AgentTalk, begin: Begin) -> None:
    conversation = begin(isolated_block_labels=["notes"])
    run_id = conversation.say("Soon forgotten.")["messages"][0]["run_id"]
    block = conversation.made["isolated_block_ids"][0]
    assert conversation.http.delete(conversation.path).status_code == 200
    assert conversation.http.get(conversation.path).status_code == 404
    assert conversation.http.post(f"{conversation.path}/messages", json={"input": "x"}).status_code == 404
    assert conversation.http.get(f"{conversation.path}/messages").status_code == 404
    assert conversation.http.get(f"/v1/blocks/{block}").status_code == 404
    assert contents(talk.history()) == []
    assert talk.http.get("/v1/conversations", params={"agent_id": talk.id}).json() == []
    assert talk.run(run_id)["status"] == "completed"


def test_a_fork_outlives_what_it_was_forked_off(talk: AgentTalk, begin: Begin, model: ScriptedModel) -> None:
    source = begin()
    source.say("Common past.")
    fork = source.fork()
    source.say("Only in the source.")
    source.http.delete(source.path)
    assert contents(fork.history()) == ["Common past."]
    script = model.script(Reply("I remember."))
    fork.say(script.say())
    assert "Common past." in json.dumps(script.requests[0].body["messages"])
    assert "Only in the source." not in contents(talk.history())
    fork.http.delete(fork.path)
    assert contents(talk.history()) == []


def test_an_agents_own_conversation_is_not_deleted(talk: AgentTalk) -> None:
    for name in ("default", talk.id):
        assert talk.http.delete(f"/v1/conversations/{name}").status_code == 400
    response = talk.http.delete(f"/v1/conversations/{talk.id}")
    assert response.status_code == 400
    assert "Reset" in response.json()["detail"]


def test_a_busy_conversation_is_not_deleted(begin: Begin, model: ScriptedModel) -> None:
    conversation = begin()
    script = model.script(Reply("Slow.", hold=True))
    thread = threading.Thread(target=lambda: conversation.say(script.say()))
    thread.start()
    script.wait_asked()
    assert conversation.http.delete(conversation.path).status_code == 409
    script.release()
    thread.join(10)


def test_an_agents_own_conversation_is_the_default_one(talk: AgentTalk) -> None:
    http = talk.http
    body = {"input": "Hello.", "streaming": False}
    sent = [
        http.post("/v1/conversations/default/messages", json=body | {"agent_id": talk.id}),
        http.post("/v1/conversations/default/messages", json=body, params={"agent_id": talk.id}),
        http.post(f"/v1/conversations/{talk.id}/messages", json=body),
    ]
    assert [response.status_code for response in sent] == [200, 200, 200]
    listed = http.get("/v1/conversations/default/messages", params={"agent_id": talk.id}).json()
    assert contents(listed) == ["Hello."] * 3
    assert types(listed)[0] == "system_message"
    assert http.get("/v1/conversations/default/messages").status_code == 400
    assert http.get(f"/v1/conversations/{talk.id}").json()["id"] == "default"
    assert talk.run(sent[0].json()["messages"][0]["run_id"])["conversation_id"] is None


def test_messages_are_listed_newest_first(begin: Begin) -> None:
    conversation = begin()
    for text in ("One.", "Two."):
        conversation.say(text)
    newest = conversation.http.get(f"{conversation.path}/messages", params={"limit": 2}).json()
    assert types(newest) == ["assistant_message", "user_message"]
    assert newest[1]["content"] == "Two."
    older = conversation.history(order="desc", before=newest[-1]["id"], limit=1)
    assert types(older) == ["assistant_message"]
    only = conversation.history(include_return_message_types=["user_message"])
    assert contents(only) == ["One.", "Two."]


def test_recompiling_tells_the_text(begin: Begin) -> None:
    conversation = begin()
    before = conversation.history()[0]["content"]
    dry = conversation.post("recompile", dry_run=True)
    assert "Name: Ada." in dry
    assert conversation.history()[0]["content"] == before
    assert conversation.post("recompile") == conversation.history()[0]["content"]
    assert len(conversation.history()) == 1
    settings = {"compaction_settings": {"mode": "all"}}
    refused = conversation.http.post(f"{conversation.path}/recompile", json=settings)
    assert refused.status_code == 422
    assert "/compact" in refused.json()["detail"]


def test_cancelling_ends_the_run_of_this_conversation_only(begin: Begin, model: ScriptedModel) -> None:
    one, other = begin(), begin()
    scripts = [model.script(Reply("Slow.", hold=True)) for _ in range(2)]
    answers: dict[str, Json] = {}

    def talk_in(conversation: Conversation, text: str) -> None:
        answers[conversation.id] = conversation.say(text)

    threads = [
        threading.Thread(target=talk_in, args=(conversation, script.say()))
        for conversation, script in zip((one, other), scripts, strict=True)
    ]
    for thread, script in zip(threads, scripts, strict=True):
        thread.start()
        script.wait_asked()
    assert list(one.post("cancel").values()) == ["cancelled"]
    threads[0].join(10)
    scripts[1].release()
    threads[1].join(10)
    assert answers[one.id]["stop_reason"]["stop_reason"] == "cancelled"
    assert contents(answers[other.id]["messages"], "assistant_message") == ["Slow."]
    nothing = one.http.post(f"{one.path}/cancel")
    assert nothing.status_code == 409
    assert one.id in nothing.json()["detail"]


def test_a_cancelled_message_is_not_in_the_context_of_the_next_turn(begin: Begin, model: ScriptedModel) -> None:
    """Else the model answers what the user has taken back, or sees it twice after a retry."""
    conversation = begin()
    script = model.script(Reply("Never.", hold=True))
    thread = threading.Thread(target=lambda: conversation.say(script.say("Taken back.")))
    thread.start()
    script.wait_asked()
    conversation.post("cancel")
    thread.join(10)
    again = model.script(Reply("Now."))
    conversation.say(again.say("Meant so."))
    asked = json.dumps(again.requests[0].body["messages"])
    assert "Taken back." not in asked
    assert any("Taken back." in text for text in contents(conversation.history()))


def test_the_stream_of_the_run_that_goes_on(begin: Begin, model: ScriptedModel) -> None:
    conversation = begin()
    script = model.script(Reply("one two three", hold=True))
    message = {"role": "user", "content": script.say(), "otid": "otid-stream"}
    body = {"messages": [message], "background": True, "stream_tokens": True}
    with conversation.http.stream("POST", f"{conversation.path}/messages", json=body) as response:
        run_id = json.loads(next(response.iter_lines())[6:])["run_id"]
    script.wait_asked()

    def read(**wanted: Any) -> list[Json]:
        with conversation.http.stream("POST", f"{conversation.path}/stream", json=wanted) as response:
            assert response.status_code == 200, response.read()
            return [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: {")]

    threading.Timer(0.2, script.release).start()
    messages = read()
    assert "".join(contents(messages, "assistant_message")) == "one two three"
    assert read(run_id=run_id)[0]["run_id"] == run_id
    assert "".join(contents(read(otid="otid-stream"), "assistant_message")) == "one two three"
    for wanted, reason in (({}, "No active runs"), ({"otid": "other"}, "otid 'other'")):
        refused = conversation.http.post(f"{conversation.path}/stream", json=wanted)
        assert refused.status_code == 400
        assert reason in refused.json()["detail"]
    other = conversation.http.post(f"{begin().path}/stream", json={"run_id": run_id})
    assert other.status_code == 404
    assert other.json()["detail"].endswith(f"There is no run {run_id} in this conversation.")


def test_the_preview_shows_what_the_model_would_be_sent(begin: Begin) -> None:
    conversation = begin(model=LARGE)
    shown = conversation.post("messages/preview-raw-payload", {"input": "What if?"})
    assert shown["model"] == "gpt-4o"
    assert shown["messages"][-1] == {"role": "user", "content": "What if?"}
    assert len(conversation.history()) == 1
    bare = AgentTalk(conversation.http)
    shown = bare.http.post(f"{bare.path}/preview-raw-payload", json={"input": "What if?"}).json()
    assert (shown["tools"], shown["tool_choice"]) == (None, None)
    assert "parallel_tool_calls" not in shown


@pytest.mark.parametrize("verb", ["fork", "recompile", "cancel", "stream", "compact"])
def test_an_unknown_conversation_is_not_found(http: httpx2.Client, verb: str) -> None:
    assert http.post(f"/v1/conversations/{UNKNOWN}/{verb}", json={}).status_code == 404


def test_malformed_names_are_refused(http: httpx2.Client, talk: AgentTalk) -> None:
    response = http.get("/v1/conversations/nonsense")
    assert response.status_code == 422
    assert response.json()["examples"] == ["conv-123e4567-e89b-42d3-8456-426614174000"]
    assert http.post("/v1/conversations", json={}).status_code == 422
    assert http.post("/v1/conversations?agent_id=nonsense", json={}).status_code == 422
    missing = "agent-00000000-0000-4000-8000-0000000000aa"
    assert http.post(f"/v1/conversations?agent_id={missing}", json={}).status_code == 404
