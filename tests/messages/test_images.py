"""Images that messages only name the addresses of."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from letta_client import APIStatusError, Letta

from letta.errors import InvalidArgumentError
from letta.messages import images
from letta.messages.images import with_images
from letta.messages.schemas import ImageContent, MessageCreate, TextContent
from letta.outgoing.egress import EgressError
from letta.testing.scripted_model import ScriptedModel
from tests.support.http_server import Answer, Answering, Request, moved

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "
FILES = {"/a.png": PNG, "/b": WEBP, "/page.html": b"<html>"}


def file(request: Request) -> Answer:
    if request.path == "/moved":
        return moved("/a.png")
    return Answer(FILES.get(request.path, b""), 200 if request.path in FILES else 404)


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    with Answering(file) as server:
        yield server.url


@pytest.fixture
def allowed(files: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file server, which the guard would else refuse to ask."""
    monkeypatch.setattr("letta.outgoing.egress.settings.allow_private_urls", "127.0.0.1")
    return files


def message(*urls: str) -> MessageCreate:
    content: list[dict[str, Any]] = [{"type": "image", "source": {"type": "url", "url": url}} for url in urls]
    return MessageCreate.model_validate({"role": "user", "content": [{"type": "text", "text": "Look:"}, *content]})


async def sources(*urls: str) -> list[tuple[str | None, bytes]]:
    (complete,) = await with_images([message(*urls)])
    assert isinstance(complete, MessageCreate)
    assert isinstance(complete.content, list)
    text, *parts = complete.content
    assert isinstance(text, TextContent)
    found = [part.source for part in parts if isinstance(part, ImageContent)]
    assert {source.type for source in found} <= {"base64"}
    return [(source.media_type, base64.b64decode(source.data or "")) for source in found]


async def test_images_are_fetched(allowed: str) -> None:
    expected = [("image/png", PNG), ("image/webp", WEBP), ("image/png", PNG)]
    assert await sources(f"{allowed}/a.png", f"{allowed}/b", f"{allowed}/moved") == expected


async def test_data_urls_are_taken_apart() -> None:
    encoded = base64.b64encode(PNG).decode()
    assert await sources(f"data:image/jpeg;base64,{encoded}") == [("image/png", PNG)]
    with pytest.raises(InvalidArgumentError, match="base64"):
        await sources("data:image/png;base64,%%%")


async def test_other_messages_stay_as_they_are() -> None:
    plain = MessageCreate(role="user", content="Hi")
    assert await with_images([plain]) == [plain]


async def test_this_network_is_never_asked(files: str) -> None:
    """CVE-2026-4964: the former server fetched whatever a message named."""
    with pytest.raises(InvalidArgumentError, match="LETTA_ALLOW_PRIVATE_URLS"):
        await sources(f"{files}/a.png")


@pytest.mark.parametrize(("path", "why"), [("/missing", "returned status 404"), ("/page.html", "not an image")])
async def test_what_is_no_image_is_refused(allowed: str, path: str, why: str) -> None:
    with pytest.raises(InvalidArgumentError, match=why):
        await sources(f"{allowed}{path}")


async def test_images_have_a_common_limit(allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_BYTES", len(PNG) + 10)
    with pytest.raises(EgressError, match="is larger than"):
        await sources(f"{allowed}/a.png", f"{allowed}/a.png")
    given = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    with pytest.raises(InvalidArgumentError, match="exceed"):
        await sources(given, given)


def test_a_server_answers_400(client: Letta, model: ScriptedModel) -> None:
    agent = client.agents.create(model="openai-proxy/gpt-4o-mini", include_base_tools=False)
    given: Any = [
        {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "http://10.0.0.1/a"}}]}
    ]
    with pytest.raises(APIStatusError) as raised:
        client.agents.messages.create(agent.id, messages=given)
    assert raised.value.status_code == 400
    assert model.requests() == [] or all("10.0.0.1" not in str(request.body) for request in model.requests())
    assert all(message.message_type == "system_message" for message in client.agents.messages.list(agent.id))


def test_an_image_that_is_listed_can_be_sent_again(client: Letta, model: ScriptedModel) -> None:
    agent = client.agents.create(model="openai-proxy/gpt-4o-mini", include_base_tools=False)
    encoded = base64.b64encode(PNG).decode()
    source = {"media_type": "image/png", "data": encoded}
    for kind in ({"type": "base64"}, {"type": "letta", "file_id": "file-1"}):
        given: Any = [{"role": "user", "content": [{"type": "image", "source": kind | source}]}]
        client.agents.messages.create(agent.id, messages=given)
        listed: Any = next(
            m for m in client.agents.messages.list(agent.id, limit=2) if m.message_type == "user_message"
        )
        assert (listed.content[0].source.type, listed.content[0].source.data) == (kind["type"], encoded)
        (part,) = model.requests(path="/chat/completions")[-1].body["messages"][-1]["content"]
        assert part["image_url"]["url"] == f"data:image/png;base64,{encoded}"


def test_an_image_that_is_only_named_is_refused(client: Letta) -> None:
    agent = client.agents.create(model="openai-proxy/gpt-4o-mini", include_base_tools=False)
    source = {"type": "letta", "file_id": "file-123e4567-e89b-42d3-8456-426614174000"}
    given: Any = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    with pytest.raises(APIStatusError, match="images can't be referenced by file_id") as raised:
        client.agents.messages.create(agent.id, messages=given)
    assert raised.value.status_code == 422


def test_the_model_gets_the_image_itself(client: Letta, model: ScriptedModel) -> None:
    agent = client.agents.create(model="openai-proxy/gpt-4o-mini", include_base_tools=False)
    encoded = base64.b64encode(PNG).decode()
    source = {"type": "url", "url": f"data:image/png;base64,{encoded}"}
    given: Any = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    client.agents.messages.create(agent.id, messages=given)
    (part,) = model.requests(path="/chat/completions")[-1].body["messages"][-1]["content"]
    assert part["image_url"]["url"] == f"data:image/png;base64,{encoded}"
