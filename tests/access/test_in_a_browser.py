"""A page of another site, in a real browser, with a token for its visitor."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from letta.testing.server import ServerProcess
from tests.skips import SEARCH_PATH
from tests.support.http_server import Answer, Answering

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ASK = """async ([url, token, body]) => {
    const headers = {"content-type": "application/json"};
    if (token) headers.authorization = `Bearer ${token}`;
    try {
        const answer = await fetch(url, {method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body)});
        return [answer.status, await answer.text()];
    } catch (error) {
        return [0, String(error)];
    }
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    page = Answer(b"<!doctype html><title>A site</title>", kind="text/html")
    with Answering(lambda _request: page) as server:
        yield f"http://localhost:{server.port}"


@pytest.fixture(scope="module")
def page(site: str) -> Iterator[Page]:
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        executable = shutil.which("chromium", path=SEARCH_PATH)
        browser = playwright.chromium.launch(executable_path=executable, args=options)
        opened = browser.new_page()
        opened.goto(site)
        yield opened
        browser.close()


def test_a_page_talks_with_its_visitors_agent(
    page: Page, site: str, guarded: ServerProcess, token: Callable[..., str], new_agent: Callable[..., str]
) -> None:
    agent = new_agent()
    messages = f"{guarded.url}/v1/agents/{agent}/messages"
    own = token(agent, "read_messages", "write_messages", hostname=site)
    elsewhere = token(agent, "read_messages", hostname="https://elsewhere.example")

    def ask(url: str, key: str | None, body: dict[str, Any] | None = None) -> tuple[int, str]:
        status, text = page.evaluate(ASK, [url, key, body])
        return status, text

    status, text = ask(messages, own, {"input": "Hello.", "streaming": True})
    assert (status, "data: [DONE]" in text) == (200, True)
    status, text = ask(messages, own)
    assert (status, "Hello." in text) == (200, True)
    status, text = ask(f"{guarded.url}/v1/agents", own)
    assert (status, "agent_id" in text or agent in text) == (403, True), "the page can read why"
    status, text = ask(messages, elsewhere)
    assert (status, "elsewhere.example" in text) == (403, True)
    assert ask(messages, None)[0] == 0, "without a token, it is told nothing"
