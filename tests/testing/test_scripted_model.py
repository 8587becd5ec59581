"""What the scripted model offers beside its wire format, in this process and in one of its own."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from openai import APITimeoutError, InternalServerError, OpenAI

from letta.testing.endpoint import Endpoint
from letta.testing.model.openai_plain import embed
from letta.testing.model.script import Call, Failure, Reply, Scenario, Usage
from letta.testing.remote_model import ScriptedModelProcess
from letta.testing.scripted_model import ScriptedModel


def ask(endpoint: Endpoint, text: str, **options: object) -> str:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], "tools": [{}], **options}
    answer = httpx2.post(f"{endpoint.base_url}/chat/completions", json=body, headers={"authorization": "Bearer sk-1"})
    return answer.text


def test_scripts_and_requests(either_model: Endpoint) -> None:
    reply = Reply("Ünï", calls=[Call("f", {"a": [1]})], usage=Usage(cached=3), error=Failure("server", times=1))
    script = either_model.script(reply, without_tools=Reply("short"))
    assert "server_error" in ask(either_model, script.say("first"))
    assert '"f"' in ask(either_model, script.say("second é"))
    assert "short" in ask(either_model, script.say("third"), tools=[])
    ask(either_model, "no script")
    assert len(script.requests) == 3
    second = script.requests[1]
    assert second.body["messages"][0]["content"] == script.say("second é")
    assert second.contains("second é")
    assert (second.method, second.path, second.outcome) == ("POST", "/v1/chat/completions", "answered")
    assert abs(second.at - time.time()) < 10
    assert len(either_model.requests(path="/chat/completions")) == 4


def test_keys_are_compared_never_kept(either_model: Endpoint) -> None:
    ask(either_model, "hello")
    (request,) = either_model.requests()
    assert request.used_key("sk-1")
    assert not request.used_key("sk-2")
    assert "authorization" not in request.headers
    assert "sk-1" not in repr(request)


def test_a_default_of_ones_own(either_model: Endpoint) -> None:
    either_model.set_default(Reply("mine"))
    assert "mine" in ask(either_model, "hello")


def test_a_broken_path(either_model: Endpoint) -> None:
    either_model.fail("/chat/completions", Failure("overloaded"))
    assert "overloaded" in ask(either_model, "hello")
    either_model.fail("/chat/completions", None)
    assert "Hello" in ask(either_model, "hello")


def test_a_held_reply_waits_for_its_release(either_model: Endpoint) -> None:
    script = either_model.script(Reply("let go", hold=True))
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(ask, either_model, script.say())
        assert script.wait_asked()[0].outcome == "pending"
        assert not answer.done()
        script.release()
        assert "let go" in answer.result(5)


def test_waiting_for_a_request_that_never_comes(model: ScriptedModel) -> None:
    with pytest.raises(TimeoutError, match="asked 0 times"):
        model.script().wait_asked(timeout=0.02)


def test_a_client_that_goes_away_is_recorded(model: ScriptedModel, openai: OpenAI) -> None:
    script = model.script(Reply(hold=True))
    with pytest.raises(APITimeoutError):
        openai.with_options(timeout=0.1).chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": script.say()}]
        )
    deadline = time.monotonic() + 5
    while script.requests[0].outcome == "pending" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert script.requests[0].outcome == "abandoned"


def test_delays(model: ScriptedModel, openai: OpenAI) -> None:
    script = model.script(Reply("a b c", delay=0.05, chunk_delay=0.02))
    began = time.monotonic()
    chunks = openai.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": script.say()}], tools=[], stream=True
    )
    next(chunks)
    assert time.monotonic() - began >= 0.05
    first = time.monotonic()
    list(chunks)
    assert time.monotonic() - first >= 0.06


def test_many_agents_at_once(model: ScriptedModel) -> None:
    scripts = [model.script(Reply(f"answer {n}.")) for n in range(20)]
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda script: ask(model, script.say()), scripts))
    assert all(f"answer {n}." in answer for n, answer in enumerate(answers))


def test_the_model_list(openai: OpenAI) -> None:
    assert "gpt-4o-mini" in [entry.id for entry in openai.models.list()]
    with ScriptedModel(models=["a", {"id": "b", "max_model_len": 4096}]) as model:
        entries = httpx2.get(f"{model.base_url}/models").json()["data"]
    assert [(e["id"], e.get("max_model_len")) for e in entries] == [("a", None), ("b", 4096)]


def similarity(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_of_like_texts_are_near(openai: OpenAI, encoding: str) -> None:
    texts = ["The cat sleeps.", "the CAT eats", "Quarterly figures"]
    options = {"encoding_format": "float"} if encoding == "float" else {}
    answer = openai.embeddings.create(model="text-embedding-3-small", input=texts, dimensions=256, extra_body=options)
    cat, other_cat, figures = (entry.embedding for entry in answer.data)
    assert len(cat) == 256
    assert similarity(cat, cat) == pytest.approx(1)
    assert similarity(cat, other_cat) > 0.5 > similarity(cat, figures)
    assert cat == pytest.approx(embed("the cat sleeps", 256), rel=1e-6)


def test_embeddings_can_fail(model: ScriptedModel, openai: OpenAI) -> None:
    model.fail("/embeddings", Failure("server", times=1))
    with pytest.raises(InternalServerError):
        openai.embeddings.create(model="text-embedding-3-small", input="x")
    assert len(openai.embeddings.create(model="text-embedding-3-small", input="x").data[0].embedding) == 1536


def test_what_it_does_not_serve(model: ScriptedModel) -> None:
    assert httpx2.get(f"{model.url}/v1/files").status_code == 404
    assert httpx2.post(f"{model.base_url}/chat/completions", content=b"{").status_code == 400
    assert httpx2.post(f"{model.base_url}/chat/completions", json=[1]).status_code == 500


def test_control_says_what_is_wrong(model: ScriptedModel) -> None:
    wrong = httpx2.post(f"{model.url}/_default", json={"txt": "hello"})
    assert wrong.status_code == 400
    assert "txt" in wrong.json()["error"]
    assert httpx2.post(f"{model.url}/_nothing").status_code == 400
    assert httpx2.get(f"{model.url}/_health").json() == {"ok": True}


def test_a_key_of_ones_own(either_model: Endpoint) -> None:
    either_model.register("mine", Scenario([Reply("by name")]))
    assert "by name" in ask(either_model, "[[script:mine]]")


def test_requests_may_come_in_chunks_and_pieces(model: ScriptedModel) -> None:
    def pieces() -> list[bytes]:
        return [b'{"model": "m", "messages": [{"role": "user",', b' "content": "hi"}], "tools": [{}]}']

    answer = httpx2.post(f"{model.base_url}/chat/completions", content=iter(pieces()))
    assert answer.json()["choices"][0]["message"]["content"] == "Hello from the scripted model."


def test_only_the_last_requests_are_kept() -> None:
    with ScriptedModel(keep=2) as model:
        for text in ("one", "two", "three"):
            ask(model, text)
        assert [r.body["messages"][0]["content"] for r in model.requests()] == ["two", "three"]


def test_a_port_in_use(model: ScriptedModel, capfd: pytest.CaptureFixture[str]) -> None:
    port = int(model.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        ScriptedModel(port=port).start()
    process = ScriptedModelProcess(port=port)
    with pytest.raises(RuntimeError, match="exit code 1"):
        process.start()
    process.stop()
    assert "in use" in capfd.readouterr().err


def exchange(model: ScriptedModel, *sent: bytes) -> list[bytes]:
    """What comes back over a bare connection for each thing sent; empty when the connection is closed."""
    host, port = model.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        answers = []
        for data in sent:
            connection.sendall(data)
            answers.append(connection.recv(65536))
        return answers


def test_a_client_may_ask_before_it_sends_the_body(model: ScriptedModel) -> None:
    head = b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-length: 14\r\nexpect: 100-continue\r\n\r\n"
    proceed, answer = exchange(model, head, b'{"input": "x"}')
    assert proceed.startswith(b"HTTP/1.1 100")
    assert answer.startswith(b"HTTP/1.1 200")


def test_what_is_not_http_is_hung_up_on(model: ScriptedModel) -> None:
    assert exchange(model, b"\x16\x03\x01 this is not HTTP\r\n\r\n") == [b""]


def test_a_connection_is_closed_when_the_client_wants_that(model: ScriptedModel) -> None:
    (answer,) = exchange(model, b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b"connection: close" in answer.lower()
    answer, nothing = exchange(model, b"GET /v1/models HTTP/1.0\r\n\r\n", b"")
    assert (answer[:12], nothing) == (b"HTTP/1.1 200", b"")


def test_mid_stream_failures_replace_a_reply_that_is_not_streamed(model: ScriptedModel) -> None:
    cut = model.script(Reply(error=Failure("cut", after=3)))
    with pytest.raises(httpx2.RemoteProtocolError, match="incomplete"):
        ask(model, cut.say())
    assert "server_error" in ask(model, model.script(Reply(error=Failure("server", after=3))).say())
