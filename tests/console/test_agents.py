"""What people do with agents in the console, and who gets in."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from letta_client import Letta
from playwright.sync_api import Page, expect

from letta.testing.server import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"


@pytest.fixture(autouse=True)
def none_but_ours(client: Letta) -> None:
    for agent in client.agents.list(limit=1000):
        client.agents.delete(agent.id)


def test_an_agent_is_made_found_copied_taken_along_and_deleted(page: Page, client: Letta, tmp_path: Path) -> None:
    page.get_by_role("button", name="New agent").first.click()
    form = page.get_by_role("dialog", name="New agent")
    form.get_by_label("Name", exact=True).fill("Butler")
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
    page.get_by_label("Search agents").fill("copy")
    expect(page.get_by_role("link", name="Butler", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Delete Butler copy").click()
    sure = page.get_by_role("dialog")
    expect(sure.get_by_role("button", name="Delete")).to_be_disabled()
    sure.get_by_role("textbox").fill("Butler copy")
    sure.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No agent is like that")).to_be_visible()
    assert len(list(client.agents.list())) == 2


def test_what_the_server_refuses_is_told_and_nothing_typed_is_lost(page: Page) -> None:
    page.get_by_role("button", name="New agent").first.click()
    form = page.get_by_role("dialog", name="New agent")
    form.get_by_label("Name", exact=True).fill("Butler / first")
    form.get_by_label("Model", exact=True).fill(MODEL)
    form.get_by_role("button", name="Create agent").click()
    expect(form.get_by_role("alert")).to_contain_text("can't be an agent's name")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Butler / first")


def test_many_agents_are_shown_some_at_a_time(
    new_page: Callable[..., Page], server: ServerProcess, client: Letta
) -> None:
    for number in range(65):
        client.agents.create(name=f"Agent {number:02}", model=MODEL, include_base_tools=False)
    page = new_page(server)
    cards = page.locator(".card.agent")
    expect(cards).to_have_count(30)
    expect(page.get_by_text("65 agents")).to_be_visible()
    for shown in (60, 65):
        page.get_by_role("button", name="Show more").click()
        expect(cards).to_have_count(shown)
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    assert len(set(cards.get_by_role("heading").all_inner_texts())) == 65
    page.get_by_label("Search agents").fill("Agent 07")
    expect(cards).to_have_count(1)


def test_everything_is_reached_by_keyboard(page: Page, client: Letta) -> None:
    client.agents.create(name="Ada", model=MODEL)
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


def test_on_a_slow_phone_the_first_view_is_there_within_a_second(
    new_page: Callable[..., Page], server: ServerProcess
) -> None:
    """With a network and a processor as those of Lighthouse's phone: 150 ms, 1.6 Mbit/s, a fourth of the speed."""
    page = new_page(server, "v1/health", viewport={"width": 390, "height": 844})
    slow = page.context.new_cdp_session(page)
    network = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
    slow.send("Network.emulateNetworkConditions", network)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto("/")
    page.get_by_role("heading", name="Agents", exact=True).wait_for()
    painted = page.evaluate(
        "performance.getEntriesByType('paint').find((entry) => entry.name === 'first-contentful-paint').startTime"
    )
    sent = page.evaluate("performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)")
    print(f"first paint {painted:.0f} ms, {sent} bytes")
    assert sent < 100_000
    assert re.search("Agents", page.title() + page.inner_text("h1"))
