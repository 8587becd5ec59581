"""Responses with agents as models, by the official client of OpenAI."""

import json
from typing import Any

import httpx2
import openai as sdk
import pytest
from openai.types.responses import Response

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from tests.completions.test_chat_completions import PIXEL, said
from tests.support.waiting import until
from tests.talking import AgentTalk

Json = dict[str, Any]
pytestmark = pytest.mark.slow

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {}},
    "strict": None,
}


def test_a_response_is_a_run(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Tea is fine.", reasoning="Hm."))
    answer = openai.responses.create(
        model=talk.id, input=script.say("Tea?"), instructions="Be brief.", metadata={"a": "b"}
    )
    assert (answer.status, answer.output_text, answer.model) == ("completed", "Tea is fine.", talk.id)
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    assert talk.run(answer.id)["status"] == "completed"
    assert "Be brief." not in json.dumps(model.requests()[-1].body)
    stored = openai.responses.retrieve(answer.id)
    assert stored.model_dump(exclude={"created_at"}) == answer.model_dump(exclude={"created_at"})
    assert talk.http.get(f"/v1/responses/{answer.id}").json()["id"] == answer.id


def test_a_stream_has_the_events_of_openai(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Tea is fine.", reasoning="Hm."))
    events = list(openai.responses.create(model=talk.id, input=script.say("Tea?"), stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert list(dict.fromkeys(kinds)) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.completed",
    ]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    done = events[-1]
    assert done.type == "response.completed"
    assert text == done.response.output_text == "Tea is fine."
    assert done.response.usage is not None
    assert done.response.usage.total_tokens > 0
    stored = openai.responses.retrieve(done.response.id)
    assert [item.id for item in stored.output] == [item.id for item in done.response.output]


def test_the_clients_own_accumulator_understands_the_stream(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Tea is fine."))
    with openai.responses.stream(model=talk.id, input=script.say("Tea?")) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == "Tea is fine."


def test_a_conversation_goes_on_by_the_last_response(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    first = openai.responses.create(model=talk.id, input="One.", conversation="mine")
    assert first.conversation is not None
    assert first.conversation.id.startswith("conv-")
    second = openai.responses.create(
        model=talk.id, input=[{"role": "user", "content": "Two."}], previous_response_id=first.id
    )
    assert (second.previous_response_id, second.conversation) == (first.id, first.conversation)
    assert "One." in json.dumps(model.requests()[-1].body["messages"])
    third = openai.responses.create(model=talk.id, input="Three.", conversation={"id": first.conversation.id})
    assert third.conversation == first.conversation
    assert openai.responses.retrieve(second.id).previous_response_id == first.id
    own = openai.responses.create(model=talk.id, input="Elsewhere.")
    assert own.conversation is None
    assert "One." not in json.dumps(model.requests()[-1].body["messages"])


def test_a_whole_history_brings_only_its_end(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    history: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "One."},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Fine."}]},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Two."},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
            ],
        },
    ]
    openai.responses.create(model=talk.id, input=history)
    (content,) = said(talk)
    assert "Two." in content
    assert PIXEL in json.dumps(model.requests()[-1].body)


@pytest.mark.parametrize("stream", [False, True])
def test_functions_of_the_client_are_called(openai: Any, talk: AgentTalk, model: ScriptedModel, stream: bool) -> None:
    script = model.script(Reply(calls=[Call("weather", {"place": "Vienna"})]), Reply("It rains."))
    request: Any = {"model": talk.id, "tools": [WEATHER], "input": [{"role": "user", "content": script.say()}]}
    answer: Response
    if stream:
        events = list(openai.responses.create(**request, stream=True))
        assert "response.function_call_arguments.done" in [event.type for event in events]
        answer = events[-1].response
    else:
        answer = openai.responses.create(**request)
    (call,) = answer.output
    assert call.type == "function_call"
    assert (call.name, json.loads(call.arguments)) == ("weather", {"place": "Vienna"})
    assert openai.responses.retrieve(answer.id).output == [call]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "Rain."}
    history = [*request["input"], call.model_dump(), output]
    assert openai.responses.create(**request | {"input": history}).output_text == "It rains."


def test_a_background_response_is_asked_for_again(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("At last.", hold=True))
    begun = openai.responses.create(model=talk.id, input=script.say(), background=True)
    assert (begun.status, begun.output) == ("in_progress", [])
    assert openai.responses.retrieve(begun.id).status == "in_progress"
    script.release()
    assert until(lambda: openai.responses.retrieve(begun.id).status == "completed")
    assert openai.responses.retrieve(begun.id).output_text == "At last."
    script = model.script(Reply("Never.", hold=True))
    begun = openai.responses.create(model=talk.id, input=script.say(), background=True)
    script.wait_asked()
    assert openai.responses.cancel(begun.id).status == "cancelled"
    assert openai.responses.cancel(begun.id).status == "cancelled"


def test_a_failure_ends_the_stream_and_is_stored(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply(error=Failure("auth")))
    events = list(openai.responses.create(model=talk.id, input=script.say(), stream=True))
    assert events[-1].type == "response.failed"
    failed = events[-1].response
    assert failed.error is not None
    assert failed.error.message
    assert openai.responses.retrieve(failed.id).status == "failed"
    with pytest.raises(sdk.APIStatusError) as raised:
        openai.responses.create(model=talk.id, input=model.script(Reply(error=Failure("auth"))).say())
    assert raised.value.code == "llm_authentication"


def test_an_answer_that_is_cut_off_is_incomplete(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Tea is", finish_reason="length"))
    answer = openai.responses.create(model=talk.id, input=script.say())
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    ("options", "param", "code"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "previous_response_not_found"),
        ({"previous_response_id": "run-1", "conversation": "a"}, "previous_response_id", None),
        ({"prompt": {"id": "p"}}, "prompt", None),
        ({"text": {"format": {"type": "json_object"}}}, "text.format", None),
        ({"input": []}, "input", None),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "input", None),
    ],
)
def test_what_an_agent_cannot_do_is_refused(
    openai: Any, talk: AgentTalk, options: Json, param: str, code: str | None
) -> None:
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.responses.create(**{"model": talk.id, "input": "Hello."} | options)
    assert (refused.value.param, refused.value.code) == (param, code)


def test_responses_of_other_agents_are_unknown(openai: Any, talk: AgentTalk, http: httpx2.Client) -> None:
    first = openai.responses.create(model=talk.id, input="Hello.")
    with pytest.raises(sdk.BadRequestError):
        openai.responses.create(model=AgentTalk(http).id, input="Hello.", previous_response_id=first.id)
    with pytest.raises(sdk.NotFoundError):
        openai.responses.retrieve("run-00000000-0000-4000-8000-00000000dead")


def test_what_a_response_was_given_is_listed(openai: Any, http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http, model_settings={"provider_type": "openai", "parallel_tool_calls": True})
    script = model.script(Reply(calls=[Call("weather", {}), Call("weather", {})]), Reply("It rains."))
    image: Any = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "low"}
    said_: Any = [{"role": "user", "content": [{"type": "input_text", "text": script.say()}, image]}]
    first = openai.responses.create(model=talk.id, tools=[WEATHER], input=said_)
    (item,) = openai.responses.input_items.list(first.id)
    assert (item.type, item.role, item.status) == ("message", "user", "completed")
    assert [part.model_dump(include={"type", "text", "image_url", "detail"}) for part in item.content] == [
        {"type": "input_text", "text": script.say()},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "low"},
    ]
    outputs: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"Rain {n}."}
        for n, call in enumerate(first.output)
    ]
    history = [*said_, *(call.model_dump() for call in first.output), *outputs]
    second = openai.responses.create(model=talk.id, tools=[WEATHER], input=history)
    listed = list(openai.responses.input_items.list(second.id, order="asc"))
    assert [(each.call_id, each.output) for each in listed] == [(each["call_id"], each["output"]) for each in outputs]
    page = openai.responses.input_items.list(second.id, limit=1)
    assert (page.has_more, page.data[0].id) == (True, listed[1].id)
    assert [each.id for each in page] == [each.id for each in listed[::-1]], "page by page"


def test_a_response_is_deleted_and_what_was_said_stays(openai: Any, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("At last.", hold=True))
    begun = openai.responses.create(model=talk.id, input=script.say("Keep this."), background=True)
    script.wait_asked()
    with pytest.raises(sdk.ConflictError, match="Cancel it first"):
        openai.responses.delete(begun.id)
    script.release()
    until(lambda: openai.responses.retrieve(begun.id).status == "completed")
    assert openai.responses.delete(begun.id) is None
    for ask in (openai.responses.retrieve, openai.responses.delete, openai.responses.input_items.list):
        with pytest.raises(sdk.NotFoundError):
            ask(begun.id)
    with pytest.raises(sdk.BadRequestError) as unknown:
        openai.responses.create(model=talk.id, input="And?", previous_response_id=begun.id)
    assert unknown.value.code == "previous_response_not_found"
    assert [message["content"] for message in talk.history()][-2:] == [script.say("Keep this."), "At last."]
    other = openai.responses.create(model=talk.id, input="Hello.")
    path = f"/v1/responses/{other.id}"
    assert talk.http.delete(path).json() == {"id": other.id, "object": "response", "deleted": True}


def test_an_id_that_is_none_of_ours_is_unknown(openai: Any, talk: AgentTalk) -> None:
    for ask in (
        openai.responses.retrieve,
        openai.responses.delete,
        openai.responses.cancel,
        openai.responses.input_items.list,
    ):
        with pytest.raises(sdk.NotFoundError, match="There is no response 'resp_x'"):
            ask("resp_x")
    assert talk.http.get("/v1/responses/resp_x").status_code == 404
