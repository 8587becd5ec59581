"""A server with a password in the console, and what happens when it goes away in between."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import Page, expect

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.conftest import environment_of

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"
PASSWORD = "correct hörse battery staple"


@pytest.fixture(scope="module")
def guarded(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    with throwaway_schema(postgres_uri) as schema:
        environment = environment_of(postgres_uri, schema, scripted_model) | {
            "LETTA_SERVER_PASSWORD": PASSWORD,
            "LETTA_RUN_LEASE_SECONDS": "2",
        }
        with ServerProcess(environment) as server:
            yield server


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("Password or key").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_password_is_asked_for_kept_and_forgotten(new_page: Callable[..., Page], guarded: ServerProcess) -> None:
    page = new_page(guarded, "#/agents")
    field = page.get_by_label("Password or key")
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("not the right one")

    sign_in(page, PASSWORD)
    expect(page.get_by_role("heading", name="Agents", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Agents", exact=True)).to_be_visible()
    assert page.evaluate("localStorage.length") == 0, "it was not asked to stay on this device"

    page.get_by_role("button", name="Sign out").click()
    expect(field).to_be_visible()
    page.reload()
    expect(field).to_be_visible()


def test_the_server_is_restarted_in_the_middle_of_a_turn(
    new_page: Callable[..., Page], guarded: ServerProcess, model: ScriptedModel
) -> None:
    bearer = {b"authorization": f"Bearer {PASSWORD}".encode()}
    made = httpx2.post(f"{guarded.url}/v1/agents", json={"name": "Ada", "model": MODEL}, headers=bearer)
    page = new_page(guarded, f"#/agents/{made.json()['id']}")
    sign_in(page, PASSWORD)
    words = " ".join(f"word{number}" for number in range(24))
    script = model.script(Reply(words, chunk_delay=0.1))
    page.get_by_label("Message", exact=True).fill(script.say("Tell me a story"))
    page.get_by_role("button", name="Send").click()
    log = page.get_by_role("log")
    expect(log).to_contain_text("word3")
    guarded.kill()
    expect(log).to_contain_text("Reconnecting")
    guarded.start()
    expect(log).to_contain_text("word23", timeout=60_000)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=30_000)
    expect(page.locator(".said.agent")).to_have_text(words)
