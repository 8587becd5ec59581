"""Memory, runs and whatever else the console shows; and that everybody can use all of it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from letta_client import Letta
from playwright.sync_api import Page, expect

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"
SOURCE = '''def shout(text: str) -> str:
    """Say it louder.

    Args:
        text: What to say.
    """
    return text.upper()
'''
_AXE = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .filter((found) => ['serious', 'critical'].includes(found.impact))
    .map((found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)"""


@pytest.fixture
def agent(client: Letta, model: ScriptedModel) -> Iterator[str]:
    """An agent that has said something and changed its memory."""
    blocks: Any = [{"label": "human", "value": "Name: Ada."}, {"label": "persona", "value": "A butler."}]
    made = client.agents.create(name="Butler", model=MODEL, memory_blocks=blocks, tags=["home"])
    insert = Call("memory_insert", {"label": "human", "new_string": "Likes tea."})
    script = model.script(Reply("One moment.", reasoning="Tea.", calls=[insert]), Reply("Noted: **tea**."))
    client.agents.messages.create(made.id, input=script.say("I like tea"))
    client.agents.passages.create(made.id, text="The sister visits on Sundays.")
    yield made.id
    client.agents.delete(made.id)


def test_blocks_are_edited_compared_and_taken_back(page: Page, client: Letta, agent: str) -> None:
    page.goto(f"/#/agents/{agent}/memory")
    block = page.get_by_role("region", name="Block human")
    expect(block).to_contain_text("Likes tea.")
    block.get_by_role("button", name="Edit human").click()
    block.get_by_label("Value of human").fill("Name: Ada.\nHates tea.")
    block.get_by_role("button", name="Save").click()
    expect(block.get_by_label("Value of human")).to_have_count(0)
    assert client.agents.blocks.retrieve("human", agent_id=agent).value == "Name: Ada.\nHates tea."

    block.get_by_role("button", name="History of human").click()
    history = page.get_by_role("dialog")
    expect(history.locator("ins").first).to_have_text("Hates")
    expect(history.locator("del").first).to_have_text("Likes")
    history.get_by_role("button", name="by an agent").click()
    history.get_by_role("button", name="Go back to this").click()
    expect(page.get_by_text("what it was in version")).to_be_visible()
    assert client.agents.blocks.retrieve("human", agent_id=agent).value == "Name: Ada.\nLikes tea."


def test_an_edit_doesnt_silently_undo_that_of_an_agent(page: Page, client: Letta, agent: str) -> None:
    page.goto(f"/#/agents/{agent}/memory")
    block = page.get_by_role("region", name="Block persona")
    block.get_by_role("button", name="Edit persona").click()
    client.agents.blocks.update("persona", agent_id=agent, value="A cook.")
    block.get_by_label("Value of persona").fill("A gardener.")
    block.get_by_role("button", name="Save").click()
    expect(block.get_by_role("alert")).to_contain_text("changed while you edited")
    assert client.agents.blocks.retrieve("persona", agent_id=agent).value == "A cook."
    block.get_by_role("button", name="Save").click()
    expect(block.get_by_label("Value of persona")).to_have_count(0)
    assert client.agents.blocks.retrieve("persona", agent_id=agent).value == "A gardener."


def test_shared_blocks_say_with_whom(page: Page, client: Letta, agent: str) -> None:
    human = client.agents.blocks.retrieve("human", agent_id=agent)
    other = client.agents.create(name="Cook", model=MODEL, block_ids=[human.id])
    page.goto(f"/#/agents/{agent}/memory")
    expect(page.get_by_role("region", name="Block human")).to_contain_text("shared with Cook")
    expect(page.get_by_role("region", name="Block persona")).not_to_contain_text("shared")
    client.agents.delete(other.id)


def test_the_archive_is_searched_added_to_and_restored(page: Page, agent: str) -> None:
    page.goto(f"/#/agents/{agent}/memory")
    archive = page.get_by_role("region", name="Archive")
    archive.get_by_role("button", name="Add").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("The cellar key hangs behind the clock.")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    rows = archive.get_by_role("listitem")
    expect(rows).to_have_count(2)
    archive.get_by_label("Search the archive").fill("cellar key")
    archive.get_by_label("Search the archive").press("Enter")
    expect(rows.first).to_contain_text("behind the clock")
    expect(rows.first.locator(".score")).to_be_visible()
    rows.first.get_by_role("button", name="Delete this passage").click()
    archive.get_by_role("button", name="Deleted").click()
    archive.get_by_role("button", name="Restore").click()
    archive.get_by_role("button", name="All").click()
    expect(rows).to_have_count(2)


def test_a_run_shows_its_steps_cost_and_what_the_model_was_sent(page: Page, agent: str) -> None:
    page.goto(f"/#/agents/{agent}/context")
    expect(page.get_by_role("img", name="Tokens: Instructions")).to_be_visible()
    page.get_by_role("link", name="Runs").last.click()
    expect(page.get_by_role("img", name="Turns")).to_be_visible()
    page.get_by_role("link", name="just now").first.click()
    expect(page.get_by_text("$0.0000")).to_have_count(3)
    page.get_by_text("Step 1").click()
    expect(page.get_by_role("region", name="request")).to_contain_text("I like tea")
    expect(page.get_by_role("region", name="answer")).to_contain_text("memory_insert")


def test_a_tool_is_written_tried_and_given_to_an_agent(page: Page, client: Letta, agent: str) -> None:
    page.goto("/#/tools")
    page.get_by_role("button", name="New tool").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Source").fill(SOURCE)
    form.get_by_label("Arguments").fill(json.dumps({"text": "tea"}))
    form.get_by_role("button", name="Try it").click()
    expect(form.get_by_role("region", name="result")).to_contain_text("TEA")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Open shout")).to_be_visible()

    page.goto(f"/#/agents/{agent}/settings")
    tools = page.locator(".panel", has=page.get_by_role("heading", name="Tools"))
    tools.get_by_role("button", name="Add").click()
    page.get_by_role("dialog").get_by_role("combobox").select_option(label="shout")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    row = tools.get_by_role("listitem").filter(has_text="shout")
    row.get_by_label("asks first").check()
    expect(row).to_be_visible()
    page.wait_for_function("() => !document.querySelector('.toast.error')")
    assert "shout" in {tool.name for tool in client.agents.tools.list(agent)}


def test_a_key_is_shown_once_and_revoked(page: Page) -> None:
    page.goto("/#/keys")
    page.get_by_role("button", name="New key").first.click()
    page.get_by_label("Name").fill("Phone")
    page.get_by_role("button", name="Create").click()
    shown = page.get_by_role("dialog", name="The key Phone")
    expect(shown.get_by_role("region", name="key")).not_to_be_empty()
    shown.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Revoke Phone").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Revoke Phone")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nobody_is_kept_out_by_how_it_is_made(
    new_page: Callable[..., Page], server: ServerProcess, agent: str, axe: str, scheme: str, width: int
) -> None:
    page = new_page(server, color_scheme=scheme, viewport={"width": width, "height": 844}, bypass_csp=True)
    views = ["agents", "runs", "tools", "mcp", "folders", "keys", "health"]
    views += [f"agents/{agent}/{tab}" for tab in ("chat", "memory", "context", "runs", "settings")]
    found = {}
    for view in views:
        page.goto(f"/#/{view}")
        page.locator("#main").get_by_text("Loading …").first.wait_for(state="hidden")
        page.wait_for_load_state("networkidle")
        page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
        if not page.evaluate("'axe' in window"):
            page.evaluate(axe)
        if problems := page.evaluate(_AXE):
            found[view] = problems
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{view} is {wider} pixels wider than the screen"
    page.goto("/#/agents")
    page.get_by_role("button", name="New agent").first.click()
    page.get_by_role("dialog").wait_for()
    found["new agent"] = page.evaluate(_AXE)
    assert {view: problems for view, problems in found.items() if problems} == {}
