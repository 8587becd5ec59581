"""Reading and searching the web, against servers on this machine."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import httpx2
import pytest
from pydantic import SecretStr

from letta.memory_tools.errors import ToolError
from letta.settings import settings
from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.web_tools.fetch import fetch_webpage
from letta.web_tools.search import web_search
from tests.support.http_server import Answer, Answering, Request, in_json, moved
from tests.talking import AgentTalk

PAGE = """<html><head><title>t</title><script>bad()</script><style>p{}</style></head>
<body><nav>menu</nav><main><h1>Tea</h1><p>Green <b>tea</b> is <a href="/x">good</a>.</p></main></body></html>"""


def page(request: Request) -> Answer:
    """A page of a site that may be fetched; for POST, what it is searched for."""
    if request.method == "POST":
        return _found(request.json()["query"])
    if request.path.startswith("/to/"):
        return moved(unquote(request.path.removeprefix("/to/")))
    kinds = {
        "/deep": ("text/html", "<div>" * 20_000),
        "/page": ("text/html; charset=utf-8", PAGE),
        "/plain": ("text/plain", "plain words"),
    }
    kind, text = kinds.get(request.path, ("image/png", "png"))
    return Answer(text.encode(), 404 if request.path == "/gone" else 200, kind)


def _found(query: str) -> Answer:
    if query.startswith("say "):
        return Answer(query.removeprefix("say ").encode(), kind="application/json")
    found = {"results": [{"title": "Tea", "url": "https://tea.example", "score": 1, "text": "all about tea"}]}
    return in_json(found, 200 if query != "fail" else 500)


@pytest.fixture(scope="module")
def site() -> Iterator[Answering]:
    with Answering(page) as server:
        yield server


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, site: Answering) -> str:
    monkeypatch.setattr(settings, "allow_private_urls", "127.0.0.1")
    monkeypatch.setattr(settings, "exa_base_url", site.url)
    return site.url


async def test_a_page_is_read_as_markdown(allowed: str) -> None:
    text = await fetch_webpage(f"{allowed}/page")
    assert text == "# Tea\n\nGreen **tea** is [good](/x)."


async def test_plain_text_stays_plain(allowed: str) -> None:
    assert await fetch_webpage(f"{allowed}/plain") == "plain words"


@pytest.mark.parametrize(("path", "words"), [("/gone", "status 404"), ("/image", "does not lead to text")])
async def test_what_can_not_be_read_is_said(allowed: str, path: str, words: str) -> None:
    with pytest.raises(ToolError, match=words):
        await fetch_webpage(allowed + path)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd"]
)
async def test_cve_2026_4964_private_addresses_are_refused(url: str) -> None:
    """The former server fetched whatever address a message or tool named."""
    with pytest.raises(ToolError):
        await fetch_webpage(url)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://169.254.169.254/latest/meta-data", "LETTA_ALLOW_PRIVATE_URLS"),
        ("http://[::ffff:10.0.0.1]/", "LETTA_ALLOW_PRIVATE_URLS"),
        ("http://localhost:1/", "LETTA_ALLOW_PRIVATE_URLS"),
        ("file:///etc/passwd", "complete URL"),
        ("http://[::1", "redirects to an invalid URL"),
    ],
)
async def test_where_a_page_leads_on_to_is_looked_at_as_well(allowed: str, target: str, words: str) -> None:
    with pytest.raises(ToolError, match=words):
        await fetch_webpage(f"{allowed}/to/{quote(target, safe='')}")


async def test_a_page_that_leads_on_is_read(allowed: str) -> None:
    assert await fetch_webpage(f"{allowed}/to/{quote(f'{allowed}/plain', safe='')}") == "plain words"


async def test_a_page_that_is_nested_without_end_is_an_error(allowed: str) -> None:
    with pytest.raises(ToolError, match="nested too deeply"):
        await fetch_webpage(f"{allowed}/deep")


@pytest.mark.parametrize("answer", ["no json", "[]", '{"results": 7}', '{"results": ["x"]}', "{}"])
async def test_a_search_that_is_answered_with_nonsense_is_an_error(allowed: str, answer: str) -> None:
    with pytest.raises(ToolError, match="unexpected answer"):
        await web_search(f"say {answer}", key="k")


def turn(talk: AgentTalk, model: ScriptedModel, name: str, arguments: dict[str, str]) -> dict[str, Any]:
    said = talk.say(model.script(Reply(calls=[Call(name, arguments)]), Reply("Done.")).say())["messages"]
    assert said[-1]["content"] == "Done."
    (returned,) = [message for message in said if message["message_type"] == "tool_return_message"]
    return dict(returned)


def test_a_search_that_is_not_configured_tells_the_agent_what_it_takes(
    http: httpx2.Client, model: ScriptedModel
) -> None:
    talk = AgentTalk(http, tools=["web_search", "fetch_webpage"])
    returned = turn(talk, model, "web_search", {"query": "tea"})
    assert (returned["status"], "EXA_API_KEY" in returned["tool_return"]) == ("error", True)
    assert "secret of the agent" in returned["tool_return"]
    refused = turn(talk, model, "fetch_webpage", {"url": "http://127.0.0.1:1/"})
    assert (refused["status"], "LETTA_ALLOW_PRIVATE_URLS" in refused["tool_return"]) == ("error", True)


async def test_a_search_sends_the_key_and_the_filters(allowed: str, site: Answering) -> None:
    text = await web_search("tea", key="secret", num_results=3, include_text=True, include_domains=["tea.example"])
    assert json.loads(text)["results"] == [{"title": "Tea", "url": "https://tea.example", "text": "all about tea"}]
    expected = {"query": "tea", "numResults": 3, "contents": {"text": True}, "includeDomains": ["tea.example"]}
    assert (site.asked[-1].headers["x-api-key"], site.asked[-1].json()) == ("secret", expected)


async def test_a_search_without_a_key_names_the_setting() -> None:
    with pytest.raises(ToolError, match="EXA_API_KEY"):
        await web_search("tea", key=None)


async def test_a_search_that_fails_is_said_without_the_key(allowed: str) -> None:
    with pytest.raises(ToolError, match="status 500") as caught:
        await web_search("fail", key=SecretStr("secret").get_secret_value())
    assert "secret" not in str(caught.value)
