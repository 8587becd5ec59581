"""Addresses that lead nowhere, double clicks, the way back, long words, no server: nothing is lost or doubled."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from letta_client import Letta
from playwright.sync_api import Page, expect

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"
NARROW = {"width": 320, "height": 640}
LONGEST = "W" * 255
_BEYOND = """() => [...document.querySelectorAll("#main *")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest("nav, .chips, .table-wrap"))
    .map((one) => `${one.tagName} ${one.className}`)"""


@pytest.fixture
def make(client: Letta) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def one(name: str, **fields: Any) -> str:
        blocks: Any = [{"label": "human", "value": "Ada"}]
        made.append(client.agents.create(name=name, model=MODEL, memory_blocks=blocks, **fields).id)
        return made[-1]

    yield one
    for agent in made:
        client.agents.delete(agent)


@pytest.mark.parametrize("address", ["agents/%E0%A4%A", "%", "agents/..%2F..%2Fhealth", "constructor", "nowhere"])
def test_an_address_that_leads_nowhere_says_so(page: Page, address: str) -> None:
    page.goto("about:blank")
    page.goto(f"/#/{address}")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    expect(page).to_have_title("Not found – Letta console")


def test_a_view_that_isnt_there_is_the_conversation(page: Page, make: Callable[..., str]) -> None:
    page.goto(f"/#/agents/{make('Butler')}/constructor?with=..%2Fagents")
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Conversation")).not_to_contain_text("Not supported")


def test_titles_say_what_is_open(page: Page, make: Callable[..., str]) -> None:
    page.goto(f"/#/agents/{make('Butler')}/memory")
    expect(page).to_have_title("Butler – Letta console")
    page.get_by_role("link", name="Chat").click()
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    expect(page).to_have_title("Butler – Letta console")
    page.get_by_role("link", name="Tools").click()
    expect(page).to_have_title("Tools – Letta console")


def test_what_is_clicked_twice_is_done_once(page: Page, client: Letta, make: Callable[..., str]) -> None:
    agent = make("Butler")
    page.reload()
    page.get_by_role("button", name="Duplicate Butler").dblclick()
    expect(page.get_by_text("Butler was copied.")).to_be_visible()
    page.goto(f"/#/agents/{agent}/schedule")
    page.get_by_role("button", name="Add").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Message", exact=True).fill("Good morning")
    form.get_by_role("button", name="Repeatedly").click()
    form.get_by_label("Cron expression").fill("0 8 * * *")
    form.locator("form").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")
    expect(page.get_by_text("Good morning")).to_be_visible()
    page.goto("/#/keys")
    page.get_by_role("button", name="New key").click()
    form.get_by_label("Name", exact=True).fill("Twice")
    form.locator("form").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")
    form.get_by_role("button", name="Done").click()
    revoke = page.get_by_role("button", name="Revoke Twice")
    expect(revoke).to_have_count(1)
    revoke.click()
    form.get_by_role("button", name="Revoke").click()
    expect(revoke).to_have_count(0)

    assert len(client.agents.schedule.list(agent).scheduled_messages) == 1
    (copy,) = client.agents.list(name="Butler copy")
    client.agents.delete(copy.id)


def test_the_last_day_of_a_key_is_the_one_that_was_chosen(new_page: Callable[..., Page], server: ServerProcess) -> None:
    page = new_page(server, "#/keys", timezone_id="America/Los_Angeles", locale="en-US")
    page.get_by_role("button", name="New key").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name", exact=True).fill("Westerly")
    form.get_by_label("Until").fill("2090-11-30")
    form.get_by_role("button", name="Create").click()
    form.get_by_role("button", name="Done").click()
    expect(page.get_by_text("until Nov 30, 2090")).to_be_visible()
    page.get_by_role("button", name="Revoke Westerly").click()
    form.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Westerly")).to_have_count(0)


def test_the_way_back_leaves_a_dialog_and_a_click_beside_it_what_was_written(page: Page) -> None:
    page.get_by_role("link", name="Tools").click()
    page.get_by_role("link", name="Agents", exact=True).click()
    page.get_by_role("button", name="New agent").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name", exact=True).fill("Half")
    page.mouse.click(5, 5)
    expect(form.get_by_label("Name", exact=True)).to_have_value("Half")
    page.go_back()
    expect(page.get_by_role("heading", name="Tools", exact=True)).to_be_visible()
    expect(form).to_have_count(0)
    page.get_by_role("button", name="New tool").click()
    expect(form).to_be_visible()
    page.mouse.click(5, 5)
    expect(form).to_have_count(0)


def test_a_name_with_many_spaces_can_be_typed_to_delete_it(page: Page, client: Letta) -> None:
    client.agents.create(name="Old  Butler ", model=MODEL)
    page.reload()
    page.get_by_role("button", name="Delete Old Butler").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Old Butler")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Delete Old Butler")).to_have_count(0)


def test_the_longest_name_can_be_copied(page: Page, client: Letta, make: Callable[..., str]) -> None:
    make(LONGEST)
    page.reload()
    page.get_by_role("button", name=f"Duplicate {LONGEST}").click()
    expect(page.get_by_text("was copied")).to_be_visible()
    (copy,) = client.agents.list(name="W" * 250 + " copy")
    client.agents.delete(copy.id)


def test_long_words_stay_on_the_screen(
    new_page: Callable[..., Page], server: ServerProcess, client: Letta, make: Callable[..., str]
) -> None:
    agent = make(LONGEST, description="D" * 300, tags=["T" * 200])
    client.agents.blocks.attach(client.blocks.create(label="L" * 200, value="V" * 500).id, agent_id=agent)
    page = new_page(server, viewport=NARROW)
    for view, what in (("chat", "Talk to W"), ("memory", "LLLL"), ("settings", "The agent")):
        page.goto(f"/#/agents/{agent}/{view}")
        expect(page.get_by_role("heading", name=what)).to_be_visible()
        assert page.evaluate(_BEYOND) == [], view
    page.goto("/#/agents")
    expect(page.get_by_role("button", name=f"Delete {LONGEST}")).to_be_visible()
    assert page.evaluate(_BEYOND) == []
    page.get_by_role("button", name=f"Delete {LONGEST}").click()
    sheet = page.locator("dialog")
    expect(sheet.get_by_role("textbox")).to_be_visible()
    assert sheet.evaluate("(one) => one.scrollWidth - one.clientWidth") == 0


def test_limits_count_characters_as_the_server_does(page: Page, client: Letta, make: Callable[..., str]) -> None:
    agent = make("Butler")
    client.agents.blocks.update("human", agent_id=agent, limit=10)
    page.goto(f"/#/agents/{agent}/memory")
    block = page.get_by_role("region", name="Block human")
    block.get_by_role("button", name="Edit human").click()
    block.get_by_label("Value of human").fill("🫖" * 10)
    block.get_by_role("button", name="Save").click()
    expect(block.get_by_label("Value of human")).to_have_count(0)
    expect(block.get_by_role("meter")).to_have_attribute("aria-valuetext", "10 of 10 characters")
    assert client.agents.blocks.retrieve("human", agent_id=agent).value == "🫖" * 10


def test_a_file_that_is_refused_keeps_no_other_back(page: Page, client: Letta, tmp_path: Path) -> None:
    folder = client.folders.create(name="Papers")
    (tmp_path / "empty.exe").write_bytes(b"MZ\x00\x01")
    (tmp_path / "tea.txt").write_text("Green tea.")
    page.goto("/#/folders")
    shelf = page.get_by_role("listitem").filter(has_text="Papers").first
    if shelf.locator("details").get_attribute("open") is None:
        shelf.get_by_text("Papers").click()
    shelf.locator("input[type=file]").set_input_files([tmp_path / "empty.exe", tmp_path / "tea.txt"])
    expect(page.get_by_text("empty.exe: ")).to_be_visible()
    expect(shelf.get_by_text("tea.txt")).to_be_visible()
    client.folders.delete(folder.id)


def test_where_browsers_dont_copy_the_page_says_why(page: Page) -> None:
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined })")
    page.goto("/v1/health")
    page.goto("/#/tools")
    page.get_by_role("button", name="Open memory_insert").click()
    page.get_by_role("dialog").get_by_text("Schema that models see").click()
    page.get_by_role("button", name="Copy schema").click()
    expect(page.get_by_text("Select the text and copy it yourself.")).to_be_visible()


def test_what_was_written_outlives_a_server_that_is_gone(page: Page, client: Letta, make: Callable[..., str]) -> None:
    agent = make("Butler")
    page.goto(f"/#/agents/{agent}/memory")
    archive = page.get_by_role("region", name="Archive")
    archive.get_by_role("button", name="Add").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox").fill("The key hangs behind the clock.")
    page.context.set_offline(True)
    form.get_by_role("button", name="Add").click()
    expect(form.get_by_role("alert")).to_contain_text("can't be reached")
    page.context.set_offline(False)
    form.get_by_role("button", name="Add").click()
    expect(archive.get_by_role("listitem")).to_contain_text("behind the clock")
    assert len(client.agents.passages.list(agent)) == 1


def test_a_form_that_cant_be_fetched_says_so(page: Page) -> None:
    new = page.get_by_role("button", name="New agent").first
    expect(new).to_be_visible()
    page.context.set_offline(True)
    new.click()
    expect(page.get_by_text("The form could not be loaded")).to_be_visible()
    page.context.set_offline(False)
    new.click()
    expect(page.get_by_role("dialog", name="New agent")).to_be_visible()


def test_a_picture_that_is_none_is_named(page: Page, make: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"no picture")
    page.goto(f"/#/agents/{make('Butler')}")
    page.get_by_label("Add an image").set_input_files(tmp_path / "torn.png")
    expect(page.get_by_text("torn.png is no image that can be read.")).to_be_visible()


def test_an_agent_that_was_deleted_elsewhere_is_not_shown_from_memory(page: Page, client: Letta) -> None:
    agent = client.agents.create(name="Butler", model=MODEL)
    page.goto(f"/#/agents/{agent.id}/memory")
    expect(page.get_by_role("heading", name="Butler")).to_be_visible()
    page.get_by_role("link", name="Tools").click()
    expect(page.get_by_role("heading", name="Tools")).to_be_visible()
    client.agents.delete(agent.id)
    page.go_back()
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()


def test_a_heading_keeps_its_own_marks_and_loses_those_that_close_it(
    page: Page, client: Letta, model: ScriptedModel, make: Callable[..., str]
) -> None:
    agent = make("Butler")
    script = model.script(Reply("# Learning C#\n\n## Closed ##\n\n# Wide" + " " * 20_000 + "x"))
    client.agents.messages.create(agent, input=script.say("Teach me"))
    page.goto(f"/#/agents/{agent}")
    headings = page.locator(".prose .heading")
    expect(headings).to_have_count(3)
    assert [text.strip() for text in headings.all_text_contents()][:2] == ["Learning C#", "Closed"]
