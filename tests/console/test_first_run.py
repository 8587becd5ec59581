"""The console of a server that has no model yet."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from letta.testing.postgres import throwaway_schema
from letta.testing.server import ServerProcess
from tests.console.barriers import barriers, prepare
from tests.support.servers import ENCRYPTION_KEY

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def server(postgres_uri: str) -> Iterator[ServerProcess]:
    with throwaway_schema(postgres_uri) as schema:
        environment = {"LETTA_PG_URI": postgres_uri, "LETTA_PG_SCHEMA": schema, "LETTA_ENCRYPTION_KEY": ENCRYPTION_KEY}
        with ServerProcess(environment) as running:
            yield running


def test_it_says_what_to_set(new_page: Callable[..., Page], server: ServerProcess, axe: str) -> None:
    page = new_page(server, permissions=["clipboard-read", "clipboard-write"], bypass_csp=True, reduced_motion="reduce")
    prepare(page, axe)
    expect(page.get_by_role("heading", name="No model is configured yet")).to_be_visible()
    found = barriers(page, "agents")
    page.get_by_role("link", name="See what to set").click()
    steps = page.get_by_role("region", name="First steps")
    for setting in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OLLAMA_BASE_URL"):
        expect(steps).to_contain_text(setting)
        steps.get_by_role("button", name=f"Copy {setting}").click()
        page.wait_for_function(
            "async (name) => (await navigator.clipboard.readText()).startsWith(`${name}=`)", arg=setting
        )
    found |= barriers(page, "health")
    assert found == {}
    page.set_viewport_size({"width": 1280, "height": 844})
    page.get_by_role("link", name="Agents", exact=True).click()
    page.get_by_role("button", name="New agent").first.click()
    expect(page.get_by_role("dialog").get_by_role("link", name="See what to set.")).to_be_visible()
