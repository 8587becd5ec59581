"""What people do with agents in the console, and who gets in."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from letta_client import Letta, NotFoundError
from playwright.sync_api import Page, Request, expect

from letta.testing.server import ServerProcess
from tests.console.crowding import crowded

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"


@pytest.fixture(autouse=True)
def none_but_ours(client: Letta) -> None:
    for agent in client.agents.list(limit=1000):
        with suppress(NotFoundError):  # gone with the agent whose memory it looked after
            client.agents.delete(agent.id)


def test_an_agent_is_made_found_copied_taken_along_and_deleted(page: Page, client: Letta, tmp_path: Path) -> None:
    page.get_by_role("button", name="New agent").first.click()
    form = page.get_by_role("dialog", name="New agent")
    form.get_by_label("Name", exact=True).fill("Butler")
    offered = form.locator("#models option")
    expect(offered).not_to_have_count(0)
    assert MODEL in {option.get_attribute("value") for option in offered.all()}
    form.get_by_label("Model", exact=True).fill(MODEL)
    form.get_by_label("What it should know about you").fill("Name: Ada.")
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Tags").fill("home, tea")
    form.get_by_role("button", name="Create agent").click()
    expect(page.get_by_role("heading", name="Butler", exact=True)).to_be_visible()
    (made,) = client.agents.list(tags=["tea"])
    assert client.agents.blocks.retrieve("human", agent_id=made.id).value == "Name: Ada."

    page.get_by_role("link", name="All agents").click()
    page.get_by_role("button", name="Duplicate Butler").click()
    expect(page.get_by_role("link", name="Butler copy")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("button", name="Export Butler", exact=True).click()
    exported = tmp_path / download.value.suggested_filename
    download.value.save_as(exported)
    assert exported.suffix == ".af"
    assert json.loads(exported.read_text())["agents"]
    page.get_by_label("Import an agent file").set_input_files(exported)
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    assert len(list(client.agents.list())) == 3

    page.goto("/#/agents")
    client.agents.create(name="Cook", model=MODEL, tags=["kitchen"])
    page.reload()
    page.get_by_role("button", name="kitchen").click()
    expect(page.get_by_role("link", name="Butler", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Cook", exact=True)).to_be_visible()
    page.get_by_role("button", name="kitchen").click()
    page.get_by_label("Search agents").fill("copy")
    expect(page.get_by_role("link", name="Butler", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Delete Butler copy").click()
    sure = page.get_by_role("dialog")
    expect(sure.get_by_role("button", name="Delete")).to_be_disabled()
    sure.get_by_role("textbox").fill("Butler copy")
    sure.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No matching agents")).to_be_visible()
    assert len(list(client.agents.list())) == 3


def test_what_the_server_refuses_is_told_and_nothing_typed_is_lost(page: Page) -> None:
    page.get_by_role("button", name="New agent").first.click()
    form = page.get_by_role("dialog", name="New agent")
    form.get_by_label("Name", exact=True).fill("Butler / first")
    form.get_by_label("Model", exact=True).fill(MODEL)
    form.get_by_role("button", name="Create agent").click()
    expect(form.get_by_role("alert")).to_contain_text("is not a valid agent name")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Butler / first")


def test_ten_thousand_agents_are_shown_some_at_a_time(
    new_page: Callable[..., Page], server: ServerProcess, client: Letta
) -> None:
    """Nothing that the page asks for, or draws, grows with their number."""
    seed = client.agents.create(name="Agent 00000", model=MODEL, include_base_tools=False)
    with crowded(server, seed.id, 9_999):
        page = new_page(server, "v1/health")
        asked: list[Request] = []

        def note(request: Request) -> None:
            asked.append(request)

        page.on("request", note)
        page.goto("/#/agents")
        cards = page.locator(".card.agent")
        expect(cards).to_have_count(30)
        expect(page.get_by_text("10,000 agents")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert sum(request.sizes()["responseBodySize"] for request in asked if "/v1/" in request.url) < 250_000
        page.get_by_role("button", name="Show more").click()
        expect(cards).to_have_count(60)
        assert len(set(cards.get_by_role("heading").all_inner_texts())) == 60
        page.get_by_label("Search agents").fill("Agent 07777")
        expect(cards).to_have_count(1)
        cards.get_by_role("link", name="Agent 07777").click()
        expect(page.get_by_role("heading", name="Agent 07777", exact=True)).to_be_visible()


def test_everything_is_reached_by_keyboard(page: Page, client: Letta) -> None:
    blocks: Any = [{"label": "human", "value": ""}]
    client.agents.create(name="Ada", model=MODEL, memory_blocks=blocks)
    page.reload()
    expect(page.get_by_role("link", name="Ada", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText"))
        if reached[-1] == "Ada":
            break
    assert "New agent" in reached
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    page.get_by_role("link", name="Memory", exact=True).focus()
    page.keyboard.press("Enter")
    edit = page.get_by_role("button", name="Edit human")
    edit.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Value of human")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Name: Ada.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("region", name="Block human")).to_contain_text("Name: Ada.")
    history = page.get_by_role("button", name="History of human")
    history.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(history).to_be_focused()
