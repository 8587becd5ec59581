"""A server with a password in the console, and what happens when it goes away in between."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import server_with

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"
PASSWORD = "correct hörse battery staple"


@pytest.fixture(scope="module")
def guarded(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    with server_with(
        postgres_uri, scripted_model, LETTA_SERVER_PASSWORD=PASSWORD, LETTA_RUN_LEASE_SECONDS="2"
    ) as server:
        yield server


def made(server: ServerProcess, what: str, **fields: Any) -> dict[str, Any]:
    """Something new, made with the password: the official client can't send one that isn't ASCII."""
    bearer = {b"authorization": f"Bearer {PASSWORD}".encode()}
    answer = httpx2.post(f"{server.url}/v1/{what}", json=fields, headers=bearer)
    answer.raise_for_status()
    return dict(answer.json())


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("Password or key").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_password_is_asked_for_kept_and_forgotten(new_page: Callable[..., Page], guarded: ServerProcess) -> None:
    page = new_page(guarded, "#/agents")
    field = page.get_by_label("Password or key")
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("This password or key is wrong")

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
    page = new_page(guarded, f"#/agents/{made(guarded, 'agents', name='Ada', model=MODEL)['id']}")
    sign_in(page, PASSWORD)
    words = " ".join(f"word{number}" for number in range(18))
    script = model.script(Reply(words, chunk_delay=0.5))
    page.get_by_label("Message", exact=True).fill(script.say("Tell me a story"))
    page.get_by_role("button", name="Send").click()
    log = page.get_by_role("log")
    expect(log).to_contain_text("word3")
    guarded.kill()
    expect(log).to_contain_text("Reconnecting")
    guarded.start()
    expect(log).to_contain_text("word17", timeout=60_000)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=30_000)
    expect(page.locator(".said.agent")).to_have_text(words)


def test_a_key_for_one_agent_opens_the_console_of_that_agent(
    new_page: Callable[..., Page], guarded: ServerProcess, model: ScriptedModel
) -> None:
    ours = made(guarded, "agents", name="Ours", model=MODEL, memory_blocks=[{"label": "human", "value": "Ada."}])
    others = made(guarded, "agents", name="Others", model=MODEL)
    key = made(guarded, "api-keys", name="visitor", scopes=["write"], agent_ids=[ours["id"]])["key"]
    page = new_page(guarded, "#/agents")
    sign_in(page, key)
    card = page.get_by_role("link", name="Ours", exact=True)
    expect(card).to_be_visible()
    expect(page.get_by_role("link", name="Others")).to_have_count(0)
    sections = page.get_by_role("navigation", name="Sections").get_by_role("listitem")
    expect(sections).to_have_text(["Agents", "Health"])
    for name in ("New agent", "Duplicate Ours", "Delete Ours"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)

    card.click()
    script = model.script(Reply("Welcome."))
    page.get_by_label("Message", exact=True).fill(script.say("Hello"))
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("Welcome.")
    page.get_by_role("link", name="Memory", exact=True).click()
    page.get_by_role("button", name="Edit human").click()
    page.get_by_label("Value of human").fill("Ada Byron.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Block human")).to_contain_text("Ada Byron.")
    for tab, shown in (
        ("Context", "What fills the window"),
        ("Runs", "completed"),
        ("Schedule", "Nothing is scheduled"),
    ):
        page.get_by_role("link", name=tab, exact=True).click()
        expect(page.locator("#main")).to_contain_text(shown)
    page.goto(f"/#/agents/{others['id']}")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
