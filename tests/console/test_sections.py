"""What belongs to all agents, in the console: tools, MCP servers, folders, providers, keys; and schedules."""

import json
from collections.abc import Iterator

import pytest
from letta_client import Letta
from playwright.sync_api import FilePayload, Page, expect

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.mcp.conftest import offering
from tests.support.servers import server_with

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"
SOURCE = '''def shout(text: str) -> str:
    """Say it louder.

    Args:
        text: What to say.
    """
    return text.upper()
'''


@pytest.fixture(scope="module")
def server(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    """One that may speak with providers and MCP servers on this machine."""
    with server_with(postgres_uri, scripted_model, LETTA_ALLOW_PRIVATE_URLS="127.0.0.1") as running:
        yield running


@pytest.fixture
def agent(client: Letta) -> Iterator[str]:
    made = client.agents.create(name="Butler", model=MODEL)
    yield made.id
    client.agents.delete(made.id)


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
    row.get_by_label("needs approval").check()
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


def test_a_key_for_one_agent_is_made_among_many(page: Page, client: Letta, agent: str) -> None:
    for number in range(60):
        client.agents.create(name=f"Agent {number:02}", model=MODEL, include_base_tools=False)
    page.goto("/#/keys")
    page.get_by_role("button", name="New key").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("For the butler")
    form.get_by_label("Search agents").fill("Butler")
    expect(form.get_by_role("checkbox")).to_have_count(1)
    form.get_by_label("Butler").check()
    form.get_by_label("Search agents").fill("Agent 07")
    expect(form.get_by_label("Agent 07")).to_be_visible()
    form.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("listitem").filter(has_text="For the butler")).to_contain_text("1 agent only")
    (made,) = [key for key in client.get("/v1/api-keys", cast_to=list[dict[str, object]]) if key["agent_ids"]]
    assert made["agent_ids"] == [agent]


def test_a_provider_is_added_checked_and_deleted(page: Page, model: ScriptedModel) -> None:
    page.goto("/#/providers")
    given = page.get_by_role("listitem").filter(has_text="environment")
    expect(given).to_contain_text("gpt-4o-mini")
    page.get_by_role("button", name="Add a provider").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("house")
    form.get_by_label("Key").fill("bad-key")
    form.get_by_label("Address").fill(model.base_url)
    form.get_by_role("button", name="Add").click()
    expect(form.get_by_role("alert")).to_be_visible()
    form.get_by_label("Key").fill("sk-good")
    form.get_by_role("button", name="Add").click()
    added = page.get_by_role("listitem").filter(has_text="house")
    expect(added).to_contain_text("gpt-4o-mini")
    added.get_by_role("button", name="Check house").click()
    expect(page.get_by_text("house answers.")).to_be_visible()
    added.get_by_role("button", name="Refresh the models of house").click()
    expect(page.get_by_text("The list of models is up to date.")).to_be_visible()
    added.get_by_role("button", name="Delete house").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(added).to_have_count(0)


def test_tools_of_an_mcp_server_are_tried(page: Page) -> None:
    with offering("streamable-http") as url:
        page.goto("/#/mcp")
        expect(page.get_by_text("No MCP servers")).to_be_visible()
        page.get_by_role("button", name="Add a server").click()
        form = page.get_by_role("dialog")
        form.get_by_label("Name").fill("offering")
        form.get_by_label("Address").fill("http://127.0.0.1:9/mcp")
        form.get_by_role("button", name="Add").click()
        expect(page.get_by_text("Refresh once the server can be reached.")).to_be_visible()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Add a server").click()
        form.get_by_label("Name").fill("offering")
        form.get_by_label("Address").fill(url)
        form.get_by_role("button", name="Add").click()
        page.get_by_role("button", name="Try add_numbers").click()
        form = page.get_by_role("dialog", name="Try add_numbers")
        assert json.loads(form.get_by_label("Arguments").input_value()) == {"a": 0, "b": 0}
        form.get_by_label("Arguments").fill(json.dumps({"a": 2, "b": 40}))
        form.get_by_role("button", name="Run").click()
        expect(form.get_by_role("region", name="result")).to_contain_text("42")
        form.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Refresh the tools").click()
        expect(page.get_by_text("The tools are up to date with what the server offers.")).to_be_visible()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_text("No MCP servers")).to_be_visible()


def test_files_are_uploaded_read_and_opened_to_an_agent(page: Page, client: Letta, agent: str) -> None:
    page.goto("/#/folders")
    page.get_by_role("button", name="New folder").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Recipes")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    uploaded: list[FilePayload] = [
        {"name": "tea.md", "mimeType": "text/markdown", "buffer": b"Boil water."},
        {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"no PDF"},
    ]
    page.get_by_label("Upload files").set_input_files(uploaded)
    files = page.locator(".passages").get_by_role("listitem")
    expect(files.filter(has_text="tea.md")).to_contain_text("ready")
    expect(files.filter(has_text="broken.pdf")).to_contain_text("not a PDF file")
    page.get_by_role("button", name="Delete broken.pdf").click()
    expect(files).to_have_count(1)

    page.goto(f"/#/agents/{agent}/settings")
    panel = page.locator(".panel", has=page.get_by_role("heading", name="Folders"))
    panel.get_by_role("button", name="Add").click()
    page.get_by_role("dialog").get_by_role("combobox").select_option(label="Recipes")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(panel.get_by_role("listitem")).to_contain_text("Recipes")
    assert [folder.name for folder in client.agents.folders.list(agent)] == ["Recipes"]

    page.goto("/#/folders")
    page.get_by_role("button", name="Delete the folder").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No folders")).to_be_visible()


def test_messages_are_scheduled_tried_and_deleted(page: Page, client: Letta, model: ScriptedModel, agent: str) -> None:
    script = model.script(Reply("A fine morning."))
    page.goto(f"/#/agents/{agent}/schedule")
    expect(page.get_by_text("Nothing is scheduled")).to_be_visible()
    page.get_by_role("button", name="Add").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Message").fill(script.say("Good morning."))
    form.get_by_role("button", name="Repeatedly").click()
    form.get_by_label("Cron expression").fill("never")
    form.get_by_role("button", name="Schedule").click()
    expect(form.get_by_role("alert")).to_be_visible()
    form.get_by_label("Cron expression").fill("0 8 29 2 *")
    form.get_by_role("button", name="Schedule").click()
    row = page.get_by_role("listitem").filter(has_text="Good morning.")
    expect(row).to_contain_text("0 8 29 2 *")
    row.get_by_role("button", name="Send now").click()
    expect(page.get_by_text("The answer will be in the main conversation.")).to_be_visible()
    script.wait_asked(timeout=60)
    page.get_by_role("link", name="Chat").click()
    expect(page.get_by_role("log")).to_contain_text("A fine morning.")

    page.get_by_role("link", name="Schedule").click()
    page.get_by_role("button", name="Delete this message").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing is scheduled")).to_be_visible()
    assert client.agents.schedule.list(agent).scheduled_messages == []


def test_health_shows_what_the_doctor_finds(page: Page) -> None:
    page.goto("/#/health")
    checks = page.get_by_role("region", name="Checks").get_by_role("listitem")
    expect(checks.filter(has_text="Encryption key")).to_contain_text("ok")
    expect(page.get_by_text("models can be used")).to_be_visible()
