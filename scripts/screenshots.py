"""Takes the pictures of docs/images: a server with a scripted model, some content, and a browser on its console.

`make screenshots`. It needs chromium (`make test-tools`).
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from letta_client import Letta
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from letta.database.embedded import EmbeddedPostgres
from letta.testing.scripted_model import Call, Reply, ScriptedModel, Usage
from letta.testing.server import ServerProcess

IMAGES = Path(__file__).resolve().parents[1] / "docs/images"
MODEL = "openai-proxy/gpt-4o-mini"
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 800}
USAGE = Usage(2140, 186)
OTHERS = (
    ("Research assistant", "Reads papers and keeps notes on them.", ["work", "papers"]),
    ("Garden planner", "Knows every bed and what grows in it.", ["home"]),
    ("Support desk", "Answers customers, and passes on what it can't solve.", ["work"]),
    ("Travel companion", "Remembers where you were and what you liked there.", ["travel"]),
    ("Code reviewer", "Finds what others overlook.", ["work", "code"]),
)
_WITHOUT_MARKERS = r"""() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/ ?\[\[script:[^\]]*\]\]/g, "");
}"""
"""Takes out of what is said the marks by which the scripted model knows what to answer."""
QUESTION = "I'm off coffee: only green tea from now on, no sugar, at four. Which ones would suit me?"
ANSWER = """Noted: **green tea at four**, without sugar. I have let the kitchen know.

These should suit you:

| tea | water | minutes |
|---|---|---|
| Sencha | 75 °C | 2 |
| Gyokuro | 60 °C | 2 |
| Genmaicha | 85 °C | 3 |

*Gyokuro* is the gentlest of them. Shall I order some?"""


ORDER_TEA = '''def order_tea(tea: str, grams: int, note: str) -> str:
    """Order tea.

    Args:
        tea: Which one.
        grams: How much of it.
        note: What the shop should know.
    """
    return f"Ordered {grams} g of {tea}."
'''


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="letta-pictures-") as directory, ScriptedModel() as model:
        postgres = EmbeddedPostgres(Path(directory) / "postgres")
        environment = {
            "LETTA_PG_URI": postgres.start(),
            "LETTA_ENCRYPTION_KEY": "only-for-pictures",
            "OPENAI_API_KEY": "sk-scripted",
            "OPENAI_BASE_URL": model.base_url,
        }
        try:
            with ServerProcess(environment) as server, sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"] if os.geteuid() == 0 else []
                )
                client = server.client()
                take(browser, server, *butler(client, model), errand_boy(client, model))
                browser.close()
        finally:
            postgres.stop()


def butler(client: Letta, model: ScriptedModel) -> tuple[str, str]:
    """Agents, one of whom has been talked with: its id, and what to say to it."""
    for name, description, tags in reversed(OTHERS):
        client.agents.create(name=name, description=description, tags=tags, model=MODEL)
    noted = "Drinks green tea only, no sugar, at four."
    greeting = model.script(Reply("Good evening, Ada. The guest room is ready for Sunday.", usage=USAGE))
    script = model.script(
        Reply(
            reasoning="A lasting preference, so it belongs in my block about Ada..",
            calls=[Call("memory_replace", {"label": "human", "old_string": "Coffee at eight.", "new_string": noted})],
            usage=USAGE,
        ),
        Reply(ANSWER, usage=USAGE),
    )
    blocks: Any = [
        {"label": "persona", "value": "A butler of the old school: attentive, discreet, dry.", "limit": 2000},
        {"label": "human", "value": "Name: Ada Byron.\nCoffee at eight.\nHer sister visits on Sundays.", "limit": 2000},
    ]
    agent = client.agents.create(
        name="Butler",
        description="Remembers how everyone takes their tea.",
        tags=["home"],
        model=MODEL,
        context_window_limit=4000,
        memory_blocks=blocks,
    )
    client.agents.messages.create(agent.id, input=greeting.say("Good evening. Is all ready for my sister?"))
    for text in (
        "The cellar key hangs behind the clock.",
        "Ada's sister takes her tea with milk.",
        "The piano is tuned in May.",
    ):
        client.agents.passages.create(agent.id, text=text)
    return agent.id, script.say(QUESTION)


def errand_boy(client: Letta, model: ScriptedModel) -> str:
    """An agent that waits for approval to spend money."""
    tool = client.tools.create(source_code=ORDER_TEA)
    agent = client.agents.create(
        name="Errand boy",
        description="Fetches what the house needs.",
        tags=["home"],
        model=MODEL,
        tool_ids=[tool.id],
        tool_rules=[{"type": "requires_approval", "tool_name": "order_tea"}],
        memory_blocks=[
            {"label": "persona", "value": "Quick on his feet, and good with shopkeepers.", "limit": 2000},
            {"label": "allowance", "value": "Left this month: £ 14.20", "limit": 200},
        ],
    )
    order: dict[str, object] = {"tea": "Gyokuro", "grams": 500, "note": "Mr Twining, for Lady Byron"}
    script = model.script(Reply("The Gyokuro it is.", calls=[Call("order_tea", order)], usage=USAGE))
    client.agents.messages.create(agent.id, input=script.say("We are out of the good tea. Get some, please."))
    return agent.id


def take(browser: Browser, server: ServerProcess, agent: str, question: str, buyer: str) -> None:
    """One picture after the other, in the course of a conversation."""

    def picture(name: str, address: str, scheme: str, size: ViewportSize, act: Callable[[Page], None]) -> None:
        options: Any = {"color_scheme": scheme, "viewport": size}
        page = browser.new_page(base_url=server.url, reduced_motion="reduce", **options)
        page.goto(f"/#/{address}")
        page.wait_for_load_state("networkidle")
        act(page)
        page.wait_for_load_state("networkidle")
        page.evaluate(_WITHOUT_MARKERS)
        page.screenshot(path=IMAGES / f"{name}.png")
        page.close()

    picture("agents", "agents", "light", DESKTOP, lambda page: page.get_by_role("link", name="Butler").wait_for())
    picture("chat", f"agents/{agent}", "light", DESKTOP, lambda page: talk(page, question))
    picture("phone", f"agents/{agent}", "dark", PHONE, lambda page: page.get_by_text("gentlest").wait_for())
    picture("approval", f"agents/{buyer}", "dark", DESKTOP, edit_a_call)
    picture("context", f"agents/{agent}/context", "light", DESKTOP, lambda page: page.get_by_role("img").wait_for())
    picture("history", f"agents/{agent}/memory", "light", DESKTOP, look_back)
    picture("run", "runs", "dark", DESKTOP, look_into_a_run)


def talk(page: Page, question: str) -> None:
    """Say something, and wait until it is answered and remembered."""
    page.get_by_label("Message", exact=True).fill(question)
    page.get_by_role("button", name="Send").click()
    page.get_by_text("gentlest").wait_for()
    page.get_by_role("button", name="Send").wait_for()
    page.locator("mark").first.wait_for()


def edit_a_call(page: Page) -> None:
    """Change what the agent asks leave for."""
    page.get_by_role("button", name="Edit …").click()
    page.locator("form.edit").get_by_label("grams").fill("100")


def look_back(page: Page) -> None:
    """See what a block was before."""
    page.get_by_role("button", name="History of human").click()
    page.get_by_role("dialog").locator("ins").first.wait_for()


def look_into_a_run(page: Page) -> None:
    """See what the newest run spent its time with."""
    page.locator("tbody a").first.click()
    page.get_by_text("How the time was spent").wait_for()


if __name__ == "__main__":
    main()
