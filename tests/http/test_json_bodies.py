"""JSON that can be read, and neither be stored nor sent again."""

import json
from typing import Any

import httpx2
import pytest

from letta.database.text import storable
from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.talking import AgentTalk

HALF = "a\ud800b"
AGENT = {"model": "openai-proxy/gpt-4o-mini"}


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("levels", [110, 300, 900, 100_000])
@pytest.mark.parametrize("path", ["/v1/agents", "/v1/blocks"])
def test_nobody_can_spoil_a_list_by_what_is_nested_too_deeply(http: httpx2.Client, path: str, levels: int) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    body = f'{{"label": "l", "value": "v", "model": "openai-proxy/gpt-4o-mini", "metadata": {deep}}}'
    refused = http.post(path, content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 422, refused.text
    assert "metadata" in refused.json()["detail"] or levels > 1000
    assert http.get(path).status_code == 200


def test_what_is_nested_as_people_do_is_stored(http: httpx2.Client) -> None:
    made = http.post("/v1/blocks", json={"label": "l", "value": "v", "metadata": nested(90)})
    assert made.status_code == 200, made.text
    assert http.get(f"/v1/blocks/{made.json()['id']}").json()["metadata"] == nested(90)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/blocks", {"label": "l", "value": HALF}, "body.value"),
        ("/v1/agents", AGENT | {"memory_blocks": [{"label": "l", "value": HALF}]}, "body.memory_blocks.0.value"),
        ("/v1/agents", {"model": HALF}, "body.model"),
        ("/v1/agents", AGENT | {"tools": [HALF]}, "body.tools.0"),
        ("/v1/agents", AGENT | {"timezone": HALF}, "body.timezone"),
        ("/v1/agents", AGENT | {"metadata": {HALF: 1}}, "body.metadata"),
        ("/v1/agents", AGENT | {"name": "a\0b"}, "body.name"),
    ],
)
def test_half_a_character_is_refused_by_its_field(http: httpx2.Client, path: str, body: Any, field: str) -> None:
    refused = http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert refused.status_code == 422, refused.text
    assert refused.json()["detail"].startswith(field)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("text", ["tea", "a\0b", HALF], ids=["sound", "NUL", "half"])
def test_json_of_another_encoding_is_refused(http: httpx2.Client, encoding: str, text: str) -> None:
    body = json.dumps({"label": "l", "value": "v", "description": text}).encode(encoding)
    refused = http.post("/v1/blocks", content=body, headers={"content-type": "application/json"})
    assert (refused.status_code, "UTF-8" in refused.text) == (422, True), refused.text


def test_a_byte_order_mark_makes_no_difference(http: httpx2.Client) -> None:
    body = json.dumps({"label": "l", "value": "größer"}, ensure_ascii=False).encode("utf-8-sig")
    made = http.post("/v1/blocks", content=body, headers={"content-type": "application/json"})
    assert made.json()["value"] == "größer"


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"content": HALF}, 422),
        ({"content": "a", "otid": "o\0"}, 422),
        ({"content": "a", "name": HALF}, 422),
        ({"content": "a\0b"}, 200),
        ({"content": "\U0001f600 and \\u0000 as six characters"}, 200),
    ],
)
def test_messages(http: httpx2.Client, model: ScriptedModel, message: dict[str, str], status: int) -> None:
    talk = AgentTalk(http)
    body = json.dumps({"messages": [{"role": "user"} | message]})
    answer = http.post(talk.path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    said = [m["content"] for m in talk.history() if m["message_type"] == "user_message"]
    assert said == ([message["content"].replace("\0", "")] if status == 200 else [])


@pytest.mark.parametrize(
    "reply",
    [
        Reply(HALF),
        Reply("ok", reasoning=HALF),
        Reply("a\0b"),
        Reply(calls=[Call("memory_insert", {"label": "human", "new_string": "x\0y"})]),
        Reply(calls=[Call("memory_insert", {"label": "human", "new_string": HALF})]),
        Reply(calls=[Call("memory\0_insert", {"label": "human", "new_string": "x"})]),
        Reply(calls=[Call("memory_insert", '{"label": ' + "[" * 3000 + "]" * 3000 + "}")]),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_nothing_that_a_model_says_breaks_a_turn(
    http: httpx2.Client, server: ServerProcess, model: ScriptedModel, reply: Reply, streamed: bool
) -> None:
    talk = AgentTalk(http, tools=["memory_insert"], memory_blocks=[{"label": "human", "value": ""}])
    text = model.script(reply, Reply("Done.")).say()
    messages = talk.stream(input=text) if streamed else talk.say(text)["messages"]
    assert messages
    assert talk.history()[-1]["message_type"] == "assistant_message"
    assert talk.say("And now?")["stop_reason"]["stop_reason"] == "end_turn"
    assert "Logging error" not in server.log


def test_cleaning_keeps_what_only_looks_alike() -> None:
    sound = {"a": ["\\u0000", "\U0001f600", "\\\\ud800"]}
    assert storable(sound) == sound
    assert storable({"k\0": ["a\0", HALF, 1, None]}) == {"k": ["a", "a\ufffdb", 1, None]}
    assert storable({"nan": float("nan"), "far": [float("-inf"), 1.5]}) == {"nan": None, "far": [None, 1.5]}
