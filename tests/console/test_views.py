"""What the console shows of an agent: its memory, its context, and its runs."""

from collections.abc import Iterator
from typing import Any

import pytest
from letta_client import APIStatusError, Letta
from playwright.sync_api import Page, expect

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"


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
    limit = client.agents.blocks.retrieve("human", agent_id=agent).limit
    expect(block.get_by_role("meter")).to_have_attribute("aria-valuetext", f"21 of {limit:,} characters")
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
    expect(page.get_by_text("was restored to version")).to_be_visible()
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


def test_a_block_is_added_and_taken_away(page: Page, client: Letta, agent: str) -> None:
    page.goto(f"/#/agents/{agent}/memory")
    page.get_by_role("button", name="Add a block").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Label").fill("kitchen")
    form.get_by_label("Value").fill("The kettle leaks.")
    form.get_by_label("Limit in characters").fill("100")
    form.get_by_role("button", name="Add", exact=True).click()
    block = page.get_by_role("region", name="Block kitchen")
    expect(block.get_by_role("meter")).to_have_attribute("aria-valuetext", "17 of 100 characters")
    assert client.agents.blocks.retrieve("kitchen", agent_id=agent).value == "The kettle leaks."
    block.get_by_role("button", name="Detach kitchen from the agent").click()
    page.get_by_role("dialog").get_by_role("button", name="Detach").click()
    expect(block).to_have_count(0)
    assert "kitchen" not in {one.label for one in client.agents.blocks.list(agent)}


def test_what_an_agent_is_can_be_changed(page: Page, client: Letta, agent: str) -> None:
    page.goto(f"/#/agents/{agent}/settings")
    page.get_by_label("Name", exact=True).fill("Valet")
    page.get_by_role("textbox", name="Description").fill("Sees to the wardrobe.")
    page.get_by_role("textbox", name="Tags").fill("home, clothes")
    page.get_by_role("textbox", name="Instructions").fill("Be brief.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Valet")).to_be_visible()
    found = client.agents.retrieve(agent, include=["agent.tags"])
    assert (found.description, found.system, set(found.tags or ())) == (
        "Sees to the wardrobe.",
        "Be brief.",
        {"home", "clothes"},
    )


def test_a_run_shows_its_steps_cost_and_what_the_model_was_sent(page: Page, client: Letta, agent: str) -> None:
    page.goto(f"/#/agents/{agent}/context")
    picture = page.get_by_role("img", name="Tokens: Instructions")
    expect(picture).to_be_visible()
    window = client.agents.retrieve(agent).llm_config.context_window
    assert f"summarized from {round(window * 0.9):,} on" in (picture.get_attribute("aria-label") or "")
    expect(page.get_by_text("tokens are left until older messages are summarized")).to_be_visible()
    page.get_by_text("Memory blocks", exact=True).click()
    expect(page.get_by_role("region", name="Memory blocks")).to_contain_text("Likes tea.")
    page.get_by_role("link", name="Runs").last.click()
    for plot in ("Turns", "Tokens", "Cost", "Median time"):
        expect(page.get_by_role("img", name=f"{plot}: 12 bars")).to_be_visible()
    page.get_by_role("link", name="just now").first.click()
    expect(page.get_by_text("$0.0000")).to_have_count(3)
    page.get_by_text("Step 1").click()
    expect(page.get_by_role("region", name="request")).to_contain_text("I like tea")
    expect(page.get_by_role("region", name="answer")).to_contain_text("memory_insert")


def test_a_run_that_failed_says_why(page: Page, client: Letta, model: ScriptedModel, agent: str) -> None:
    script = model.script(Reply(error=Failure("bad_request", message="No such thing as tea.")))
    with pytest.raises(APIStatusError):
        client.agents.messages.create(agent, input=script.say("Tea?"))
    page.goto(f"/#/agents/{agent}/runs")
    page.get_by_role("button", name="Failed").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("failed")
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("alert")).to_contain_text("No such thing as tea.")


def test_what_isnt_there_is_told(page: Page) -> None:
    page.goto("/#/agents/agent-00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page.locator("#main")).not_to_contain_text("NOT_FOUND")
    page.get_by_role("link", name="All agents").click()
    expect(page.get_by_role("heading", name="Agents", exact=True)).to_be_visible()
