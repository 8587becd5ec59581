"""Chat completions with agents as models, by the official client of OpenAI."""

import json
from typing import Any

import httpx2
import openai as sdk
import pytest

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.waiting import until
from tests.talking import AgentTalk

Json = dict[str, Any]
pytestmark = pytest.mark.slow

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather", "parameters": {"type": "object", "properties": {}}},
}
TITLE = """### Task:
Generate a concise title for the chat.
### Output:
JSON format: { "title": "…" }
### Chat History:
<chat_history>
USER: I like tea.
ASSISTANT: Noted.
</chat_history>"""


def said(talk: AgentTalk) -> list[str]:
    """What the agent has been told so far."""
    return [str(m["content"]) for m in talk.history() if m["message_type"] == "user_message"]


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def test_agents_are_models(openai: Any, http: httpx2.Client) -> None:
    talk = AgentTalk(http, name="The only Ada")
    models = openai.models.list().data
    assert talk.id in [model.id for model in models]
    assert models[0].object == "model"
    assert models[0].created > 1_700_000_000
    assert openai.models.retrieve(talk.id).model_dump()["name"] == "The only Ada"
    assert openai.models.retrieve("The only Ada").id == talk.id
    answer = openai.chat.completions.create(model="The only Ada", messages=[user("Hello.")])
    assert answer.model == "The only Ada"


def test_names_that_are_not_unique_are_refused(openai: Any, http: httpx2.Client) -> None:
    for _ in range(2):
        AgentTalk(http, name="Twin")
    with pytest.raises(sdk.BadRequestError, match="Several agents") as refused:
        openai.chat.completions.create(model="Twin", messages=[user("Hello.")])
    assert refused.value.param == "model"


def test_only_what_is_new_reaches_the_agent(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    messages = [user("I like tea.")]
    answer = openai.chat.completions.create(model=talk.id, messages=messages)
    assert (answer.object, answer.choices[0].finish_reason) == ("chat.completion", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    messages = [
        {"role": "system", "content": "Be brief."},
        *messages,
        {"role": "assistant", "content": answer.choices[0].message.content},
        user("And cake."),
    ]
    openai.chat.completions.create(model=talk.id, messages=messages)
    assert said(talk) == ["I like tea.", "And cake."]
    assert "Be brief." not in json.dumps(model.requests()[-1].body)


def test_a_stream_has_the_form_of_openai(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Tea is fine.", reasoning="Hm."))
    chunks = list(
        openai.chat.completions.create(
            model=talk.id,
            messages=[user(script.say("Tea?"))],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Tea is fine."
    thought = [c.choices[0].delta.model_dump().get("reasoning_content") or "" for c in chunks if c.choices]
    assert "".join(thought) == "Hm."
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 0


def test_messages_of_several_steps_are_told_apart(openai: Any, http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http, tools=["memory_insert"], memory_blocks=[{"label": "human", "value": "Ada."}])
    edit = Call("memory_insert", {"label": "human", "new_string": "Tea."})
    for stream in (False, True):
        script = model.script(Reply("I'll note it.", calls=[edit]), Reply("Done."))
        request: Any = {"model": talk.id, "messages": [user(script.say("Tea."))]}
        if stream:
            parts = [c.choices[0].delta for c in openai.chat.completions.create(**request, stream=True)]
            assert "".join(part.content or "" for part in parts) == "I'll note it.\n\nDone."
            assert [part.tool_calls for part in parts if part.tool_calls] == [], "the agent's own calls are its own"
        else:
            answer = openai.chat.completions.create(**request).choices[0].message
            assert (answer.content, answer.tool_calls) == ("I'll note it.\n\nDone.", None)


@pytest.mark.parametrize("stream", [False, True])
def test_functions_of_the_client_are_called(openai: Any, talk: AgentTalk, model: ScriptedModel, stream: bool) -> None:
    script = model.script(Reply(calls=[Call("weather", {"place": "Vienna"})]), Reply("It rains."))
    messages = [user(script.say("How is the weather?"))]
    request: Any = {"model": talk.id, "tools": [WEATHER]}
    if stream:
        deltas = [
            chunk.choices[0] for chunk in openai.chat.completions.create(**request, messages=messages, stream=True)
        ]
        calls = [call for choice in deltas for call in choice.delta.tool_calls or ()]
        call_id, name = calls[0].id, calls[0].function.name
        arguments, finish = "".join(call.function.arguments or "" for call in calls), deltas[-1].finish_reason
    else:
        choice = openai.chat.completions.create(**request, messages=messages).choices[0]
        (call,) = choice.message.tool_calls
        call_id, name, arguments = call.id, call.function.name, call.function.arguments
        finish = choice.finish_reason
    assert (name, json.loads(arguments), finish) == ("weather", {"place": "Vienna"}, "tool_calls")
    function = {"name": name, "arguments": arguments}
    messages += [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call_id, "content": "Rain."},
    ]
    answer = openai.chat.completions.create(**request, messages=messages)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("It rains.", "stop")


def test_images_are_passed_on(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    openai.chat.completions.create(model=talk.id, messages=[{"role": "user", "content": content}])
    assert PIXEL in json.dumps(model.requests()[-1].body)


def test_chats_of_one_agent_are_not_mixed_up(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    """As Open WebUI names them, others by a header that their users set, and by metadata."""
    for options in (
        {"extra_headers": {"X-OpenWebUI-Chat-Id": "c0ffee"}},
        {"extra_headers": {"X-Conversation-Id": "b"}},
        {"metadata": {"conversation_id": "c"}},
    ):
        for text in ("One.", "Two."):
            openai.chat.completions.create(model=talk.id, messages=[user(text)], **options)
        asked = json.dumps(model.requests()[-1].body["messages"])
        assert "One." in asked
        openai.chat.completions.create(model=talk.id, messages=[user("Elsewhere.")])
        assert "One." not in json.dumps(model.requests()[-1].body["messages"])
    listed = talk.http.get("/v1/conversations", params={"agent_id": talk.id}).json()
    assert len(listed) == 3
    header = {"X-Letta-Conversation-Id": listed[0]["id"]}
    openai.chat.completions.create(model=talk.id, messages=[user("Three.")], extra_headers=header)
    assert "Two." in json.dumps(model.requests()[-1].body["messages"])


def test_a_chat_goes_on_although_its_conversation_was_deleted(openai: Any, talk: AgentTalk) -> None:
    request: Any = {"model": talk.id, "extra_headers": {"X-OpenWebUI-Chat-Id": "c0ffee"}}
    openai.chat.completions.create(messages=[user("One.")], **request)
    (begun,) = talk.http.get("/v1/conversations", params={"agent_id": talk.id}).json()
    talk.http.delete(f"/v1/conversations/{begun['id']}").raise_for_status()
    openai.chat.completions.create(messages=[user("Two.")], **request)
    (again,) = talk.http.get("/v1/conversations", params={"agent_id": talk.id}).json()
    assert again["id"] != begun["id"]


def test_conversations_of_other_agents_are_refused(openai: Any, talk: AgentTalk, http: httpx2.Client) -> None:
    other = http.post("/v1/conversations", params={"agent_id": AgentTalk(http).id}, json={}).json()["id"]
    with pytest.raises(sdk.NotFoundError):
        openai.chat.completions.create(
            model=talk.id, messages=[user("Hello.")], extra_headers={"X-Letta-Conversation-Id": other}
        )


@pytest.mark.parametrize("stream", [False, True])
def test_titles_are_asked_for_without_the_agents_knowledge(
    openai: Any, talk: AgentTalk, model: ScriptedModel, stream: bool
) -> None:
    """Else each chat of Open WebUI leaves two or three messages about itself in the agent's history."""
    before = talk.history()
    request: Any = {"model": talk.id, "messages": [user(TITLE)], "stream": stream}
    answer = openai.chat.completions.create(**request, extra_headers={"X-OpenWebUI-Chat-Id": "c0ffee"})
    text = (
        "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        if stream
        else answer.choices[0].message.content
    )
    assert text
    assert talk.history() == before
    assert talk.http.get("/v1/conversations", params={"agent_id": talk.id}).json() == []
    asked = model.requests()[-1].body["messages"]
    assert [message["role"] for message in asked] == ["user"]


def test_a_question_over_documents_is_no_background_task(openai: Any, talk: AgentTalk) -> None:
    question = "### Task:\nRespond to the query with the context.\n<context>Tea is green.</context>\n\nIs it?"
    openai.chat.completions.create(model=talk.id, messages=[user(question)])
    assert said(talk) == [question]


def test_nothing_is_kept_of_what_is_asked_outside_of_any_conversation(openai: Any, talk: AgentTalk) -> None:
    openai.chat.completions.create(
        model=talk.id, messages=[user("A title, please.")], extra_headers={"X-Letta-Conversation-Id": "none"}
    )
    assert said(talk) == []


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"messages": [{"role": "assistant", "content": "Hello."}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools"),
        ({"extra_headers": {"X-Conversation-Id": "x" * 201}}, "conversation"),
    ],
)
def test_what_an_agent_cannot_do_is_refused(openai: Any, talk: AgentTalk, options: Json, param: str) -> None:
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.chat.completions.create(**{"model": talk.id, "messages": [user("Hello.")]} | options)
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")
    assert said(talk) == []


def test_settings_of_the_model_are_ignored(openai: Any, talk: AgentTalk) -> None:
    answer = openai.chat.completions.create(
        model=talk.id,
        messages=[user("Hello.")],
        temperature=0.1,
        max_tokens=5,
        seed=1,
        user="ada",
        response_format={"type": "text"},
        n=1,
        store=False,
    )
    assert answer.choices[0].message.content


def test_errors_have_the_form_of_openai(server: ServerProcess, openai: Any, talk: AgentTalk) -> None:
    missing = "agent-00000000-0000-4000-8000-00000000dead"
    for name in (missing, "gpt-4o"):
        with pytest.raises(sdk.NotFoundError) as unknown:
            openai.chat.completions.create(model=name, messages=[user("Hello.")])
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
        with pytest.raises(sdk.NotFoundError) as unknown:
            openai.chat.completions.create(
                model=name, messages=[user("Hello.")], extra_headers={"X-Conversation-Id": "new"}
            )
        assert unknown.value.code == "model_not_found"
        with pytest.raises(sdk.NotFoundError) as unknown:
            openai.chat.completions.create(model=name, messages=[user(TITLE)])
        assert unknown.value.code == "model_not_found"
    with pytest.raises(sdk.UnprocessableEntityError) as invalid:
        openai.chat.completions.create(model=talk.id, messages=[{"role": "nobody"}])
    assert invalid.value.param == "messages.0.role"
    for path in ("/openai/v1/nothing", "/openai/v1/models/nobody"):
        answer = httpx2.get(f"{server.url}{path}", trust_env=False)
        assert answer.status_code == 404
        assert set(answer.json()) == {"error"}
    answer = httpx2.post(f"{server.url}/openai/v1/chat/completions", content=b"{", trust_env=False)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_busy_agent_is_a_conflict_or_waited_for(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Slow.", hold=True))
    run_id = talk.http.post(f"{talk.path}/async", json={"input": script.say()}).json()["id"]
    with pytest.raises(sdk.ConflictError) as busy:
        openai.chat.completions.create(model=talk.id, messages=[user("Me too.")])
    assert busy.value.code == "conversation_locked"
    assert int(busy.value.response.headers["retry-after"]) >= 1
    script.release()
    openai.chat.completions.create(model=talk.id, messages=[user("Me too.")], extra_query={"queue": "true"})
    assert until(lambda: talk.run(run_id)["status"] == "completed")
    assert len(said(talk)) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_fails_is_told(openai: Any, talk: AgentTalk, model: ScriptedModel, stream: bool) -> None:
    script = model.script(Reply(error=Failure("auth")))
    request = {"model": talk.id, "messages": [user(script.say())], "stream": stream}
    with pytest.raises(sdk.APIError) as failed:
        list(openai.chat.completions.create(**request))
    assert failed.value.code == "llm_authentication"


def test_a_request_that_is_sent_again_is_answered_once(talk: AgentTalk, http: httpx2.Client) -> None:
    body = {"model": talk.id, "messages": [user("Hello.")]}
    first = http.post("/openai/v1/chat/completions", json=body).json()
    again = http.post("/openai/v1/chat/completions", json=body, headers={"x-stainless-retry-count": "1"}).json()
    assert again["id"] == first["id"]
    assert again["choices"] == first["choices"]
    assert said(talk) == ["Hello."]


def test_agents_that_speak_through_a_tool(openai: Any, http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http, agent_type="memgpt_v2_agent", include_base_tools=True)
    for stream in (False, True):
        script = model.script(Reply(calls=[Call("send_message", {"message": "Hello, Ada."})]))
        request: Any = {"model": talk.id, "messages": [user(script.say())]}
        if stream:
            chunks = openai.chat.completions.create(**request, stream=True)
            assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello, Ada."
        else:
            assert openai.chat.completions.create(**request).choices[0].message.content == "Hello, Ada."
