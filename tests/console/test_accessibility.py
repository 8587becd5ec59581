"""Nobody is kept out by how the console is made: every view and form, light and dark, on a desk and on a phone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from letta_client import APIStatusError, Letta
from playwright.sync_api import Page

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.console.barriers import barriers, prepare, wait_until_drawn

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MODEL = "openai-proxy/gpt-4o-mini"
LONG = "Agent whose name is so long that it fits no line of any card or heading " + "0123456789" * 4
ANSWER = f"""# Heading

| a | b |
|---|---|
| {"long " * 30} | 2 |

```python
{"x" * 300}
```

> {"y" * 200} and [a link](https://example.com/{"z" * 100})"""
FORMS = (
    ("agents", "New agent"),
    ("tools", "New tool"),
    ("mcp", "Add a server"),
    ("folders", "New folder"),
    ("providers", "Add a provider"),
    ("keys", "New key"),
    ("{agent}/schedule", "Add"),
    ("{agent}/memory", "Add a block"),
    ("{agent}/memory", "History of human"),
    ("{agent}/memory", "Edit human"),
    ("{agent}/chat", "Edit …"),
    ("{agent}/chat", "Deny …"),
)


@pytest.fixture
def agent(client: Letta, model: ScriptedModel) -> Iterator[str]:
    """An agent with something in each of its views; it waits for leave to call a tool."""
    blocks: Any = [{"label": "human", "value": "Name: Ada.", "limit": 12}, {"label": "persona", "value": "A butler."}]
    gated: Any = [{"type": "requires_approval", "tool_name": "memory_replace"}]
    made = client.agents.create(
        name=LONG, model=MODEL, memory_blocks=blocks, tags=["home", "a-tag-" + "x" * 60], tool_rules=gated
    )
    insert = Call("memory_insert", {"label": "persona", "new_string": "Likes tea."})
    replace = Call("memory_replace", {"label": "human", "old_string": "Ada", "new_string": "A" * 300})
    failing = model.script(Reply(error=Failure("bad_request", message="No.")))
    with pytest.raises(APIStatusError):
        client.agents.messages.create(made.id, input=failing.say("x" * 300))
    script = model.script(Reply("One moment.", reasoning="Tea.", calls=[insert]), Reply(ANSWER, calls=[replace]))
    client.agents.messages.create(made.id, input=script.say("I like tea"))
    client.agents.passages.create(made.id, text="The sister visits on Sundays. " * 40, tags=["family"])
    client.agents.schedule.create(
        made.id,
        messages=[{"role": "user", "content": "Good morning. " * 20}],
        schedule={"type": "recurring", "cron_expression": "0 8 29 2 *"},
    )
    folder = client.folders.create(name="Recipes" * 12)
    client.folders.files.upload(folder.id, file=("a file with a long name " * 4 + ".md", b"# Tea"))
    client.post("/v1/api-keys", body={"name": "newsletter", "scopes": ["read"]}, cast_to=object)
    yield made.id
    client.folders.delete(folder.id)
    client.agents.delete(made.id)


def test_every_view(new_page: Callable[..., Page], server: ServerProcess, client: Letta, agent: str, axe: str) -> None:
    page = new_page(server, "v1/health", bypass_csp=True, reduced_motion="reduce")
    prepare(page, axe)
    views = ["agents", "runs", "tools", "mcp", "folders", "providers", "keys", "health", "nowhere"]
    views += [f"runs/{run.id}" for run in client.runs.list(agent_id=agent).items]
    views += [f"agents/{agent}/{tab}" for tab in ("chat", "memory", "context", "runs", "schedule", "settings")]
    found: dict[str, list[str]] = {}
    for view in views:
        _go(page, view)
        page.evaluate("() => { for (const one of document.querySelectorAll('#main details')) one.open = true; }")
        found |= barriers(page, view)
    for place, button in FORMS:
        view = place.format(agent=f"agents/{agent}")
        _go(page, "nowhere")
        _go(page, view)
        page.get_by_role("button", name=button, exact=True).first.click()
        found |= barriers(page, f"{view}: {button}")
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="hidden")
    page.evaluate("sessionStorage.setItem('letta.key', 'letta_sk_of_nobody')")
    prepare(page, axe)
    page.get_by_label("Password or key").wait_for()
    found |= barriers(page, "signing in")
    assert found == {}


def _go(page: Page, view: str) -> None:
    page.evaluate("(hash) => { location.hash = hash; }", f"/{view}")
    wait_until_drawn(page)
