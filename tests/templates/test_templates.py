"""Templates as the official client handles them."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from letta_client import APIStatusError, Letta

from letta.testing.scripted_model import ScriptedModel

pytestmark = pytest.mark.slow

Json = dict[str, Any]
MODEL = "openai-proxy/gpt-4o-mini"
TOOL = "def {name}() -> str:\n    '''Say {name}.'''\n    return '{word}'\n"

_count = iter(range(1_000_000))


@pytest.fixture
def name() -> str:
    return f"waiter-{next(_count)}"


@pytest.fixture
def agent(client: Letta, model: ScriptedModel, name: str) -> str:
    """An agent worth to be a template."""
    del model
    tool = client.tools.create(source_code=TOOL.format(name=f"greet_{name.replace('-', '_')}", word="hello"))
    folder = client.folders.create(name=f"menu of {name}")
    made = client.agents.create(
        name=name,
        model=MODEL,
        system="You wait on {{ guest }}.",
        memory_blocks=[
            {"label": "human", "value": "The guest is {{guest}}, table {{ table }}.", "description": "Who it is"},
            {"label": "menu", "value": "Soup."},
        ],
        tool_ids=[tool.id],
        tags=["waiter"],
        secrets={"TILL": "0000"},
        include_base_tools=False,
    )
    client.agents.folders.attach(folder.id, agent_id=made.id)
    client.agents.messages.create(made.id, input="Hello.")
    return made.id


@pytest.fixture
def template(client: Letta, agent: str, name: str) -> str:
    assert client.templates.create(type="agent", agent_id=agent).name == name
    return name


def file_of(http: httpx2.Client, agent: str, change: Callable[[Json], None]) -> Json:
    file: Json = http.get(f"/v1/agents/{agent}/export").raise_for_status().json()
    change(file)
    return file


def state(client: Letta, agent: str) -> Any:
    return client.agents.retrieve(
        agent,
        include=["agent.blocks", "agent.tools", "agent.secrets", "agent.sources", "agent.tags", "agent.identities"],
    )


def blocks(client: Letta, agent: str) -> dict[str, str]:
    return {str(block.label): block.value for block in client.agents.blocks.list(agent)}


def secrets(client: Letta, agent: str) -> dict[str, str]:
    return {each.key: each.value for each in state(client, agent).secrets}


def test_an_agent_becomes_a_template(client: Letta, http: httpx2.Client, agent: str, name: str) -> None:
    made = client.templates.create(type="agent", agent_id=agent, name=f"{name}-template")
    assert (made.name, made.latest_version) == (f"{name}-template", "1")
    assert (made.project_slug, made.template_deployment_slug) == ("default", f"{name}-template:1")
    assert made.updated_at
    assert http.get(f"/v1/templates/{name}-template").json()["id"] == made.id
    assert made.id in [each["id"] for each in http.get("/v1/templates").json()]
    versions = http.get(f"/v1/templates/{name}-template/versions").json()
    assert [each["version"] for each in versions] == ["1"]


def test_agents_are_made_after_it(client: Letta, http: httpx2.Client, template: str, agent: str) -> None:
    body = {"identifier_key": f"guest of {template}", "name": "Ada", "identity_type": "user"}
    guest = http.post("/v1/identities", json=body).raise_for_status().json()["id"]
    made = client.templates.agents.create(
        template,
        agent_name="Ada's waiter",
        memory_variables={"guest": "Ada", "unused": "x"},
        tool_variables={"TILL": "1111", "BELL": "ding"},
        identity_ids=[guest],
        tags=["ada"],
        initial_message_sequence=[{"role": "user", "content": "I come at eight."}],
    )
    assert made.deployment_id.startswith("deployment-")
    (new,) = made.agent_ids
    found = state(client, new)
    assert (found.name, found.system) == ("Ada's waiter", "You wait on Ada.")
    assert blocks(client, new) == {"human": "The guest is Ada, table {{ table }}.", "menu": "Soup."}
    assert sorted(found.tags) == ["ada", "waiter"]
    assert secrets(client, new) == {"TILL": "1111", "BELL": "ding"}
    assert [each.id for each in found.identities] == [guest]
    original = state(client, agent)
    assert [tool.id for tool in found.tools] == [tool.id for tool in original.tools]
    assert [folder.id for folder in found.sources] == [folder.id for folder in original.sources]
    assert {block.id for block in found.blocks}.isdisjoint(block.id for block in original.blocks)
    said = [m.content for m in client.agents.messages.list(new, order="asc") if m.message_type == "user_message"]
    assert said == ["I come at eight."]
    base = found.base_template_id
    assert [each.id for each in client.agents.list(base_template_id=base)] == [new]
    assert client.agents.messages.create(new, input="Hello.").messages


def test_versions_are_saved_and_rolled_back_to(client: Letta, http: httpx2.Client, template: str, agent: str) -> None:
    def rename(file: Json) -> None:
        file["agents"][0]["system"] = "You cook."

    assert client.templates.update(template, agent_file_json=file_of(http, agent, rename)).success
    before = client.templates.agents.create(template).agent_ids[0]
    assert state(client, before).system == "You wait on {{ guest }}.", "a version, not the working copy"
    saved = client.templates.save(template, message="It cooks.")
    assert (saved.latest_version, saved.template_deployment_slug) == ("2", f"{template}:2")
    assert http.get(f"/v1/templates/{template}/versions").json()[0]["message"] == "It cooks."
    for version, system in (("", "You cook."), (":latest", "You cook."), (":1", "You wait on {{ guest }}.")):
        made = client.templates.agents.create(f"{template}{version}").agent_ids[0]
        assert state(client, made).system == system
    assert client.templates.rollback(template, version="1").success
    assert client.templates.save(template).latest_version == "3"
    made = client.templates.agents.create(template).agent_ids[0]
    assert state(client, made).system == "You wait on {{ guest }}."


def test_changes_are_saved_before_they_are_replaced(
    client: Letta, http: httpx2.Client, template: str, agent: str
) -> None:
    first, second = (file_of(http, agent, lambda f, n=n: f["agents"][0].update(system=n)) for n in ("one", "two"))  # type: ignore[misc]
    client.templates.update(template, agent_file_json=first, save_existing_changes=True)
    assert len(http.get(f"/v1/templates/{template}/versions").json()) == 1, "there was nothing to be saved"
    client.templates.update(template, agent_file_json=second, save_existing_changes=True)
    assert len(http.get(f"/v1/templates/{template}/versions").json()) == 2
    assert state(client, client.templates.agents.create(template).agent_ids[0]).system == "one"


class TestMigration:
    """Agents are brought to a version when it is saved."""

    @pytest.fixture
    def instance(self, client: Letta, template: str) -> str:
        made = client.templates.agents.create(
            template, memory_variables={"guest": "Ada", "table": "4"}, tool_variables={"TILL": "1111", "BELL": "ding"}
        )
        return made.agent_ids[0]

    @pytest.fixture
    def changed(self, http: httpx2.Client, client: Letta, template: str, agent: str, instance: str) -> str:
        """The instance, after it has learned something, and the template has changed."""
        client.agents.blocks.update("human", agent_id=instance, value="Ada likes soup.")
        client.agents.update(instance, name="Mine", metadata={"mine": True}, timezone="Europe/Vienna")

        def change(file: Json) -> None:
            entry, human, menu = file["agents"][0], file["blocks"][0], file["blocks"][1]
            entry |= {"system": "You serve {{guest}}.", "source_ids": [], "folder_ids": None}
            human |= {"value": "Guest: {{guest}} at {{table}}.", "description": "The guest"}
            file["blocks"] = [human, menu | {"label": "wine", "value": "Red."}]
            file["sources"] = []

        client.templates.update(template, agent_file_json=file_of(http, agent, change))
        return instance

    def test_nothing_happens_unless_it_is_wanted(self, client: Letta, template: str, changed: str) -> None:
        before = state(client, changed)
        client.templates.save(template)
        assert state(client, changed) == before

    def test_all_follows_the_version(self, client: Letta, template: str, changed: str) -> None:
        client.templates.save(template, migrate_agents=True, block_reconciliation_strategy="reconcile-all")
        found = state(client, changed)
        assert found.system == "You serve Ada."
        assert blocks(client, changed) == {"human": "Guest: Ada at 4.", "wine": "Red."}
        assert next(block for block in found.blocks if block.label == "human").description == "The guest"
        assert secrets(client, changed) == {"TILL": "1111"}, "what the version names, as the agent has it"
        assert found.sources == []
        assert (found.name, found.metadata, found.timezone) == ("Mine", {"mine": True}, "Europe/Vienna")
        assert "You serve Ada." in str(client.agents.messages.list(changed, order="asc").items[0].to_dict())
        assert client.agents.messages.create(changed, input="Hello.").messages

    def test_what_is_to_be_preserved_stays(self, client: Letta, template: str, changed: str) -> None:
        client.templates.save(
            template,
            migrate_agents=True,
            block_reconciliation_strategy="preserve-deleted",
            preserve_core_memories_on_migration=True,
            preserve_environment_variables_on_migration=True,
            preserve_sources_on_migration=True,
        )
        found = state(client, changed)
        assert found.system == "You serve Ada."
        assert blocks(client, changed) == {"human": "Ada likes soup.", "menu": "Soup.", "wine": "Red."}
        assert secrets(client, changed) == {"TILL": "1111", "BELL": "ding"}
        assert len(found.sources) == 1

    def test_a_block_may_say_itself_that_it_stays(self, client: Letta, template: str, changed: str) -> None:
        client.agents.blocks.update("human", agent_id=changed, preserve_on_migration=True)
        client.templates.save(template, migrate_agents=True)
        assert blocks(client, changed)["human"] == "Ada likes soup."

    def test_those_that_were_left_behind_come_along_the_next_time(
        self, client: Letta, template: str, changed: str
    ) -> None:
        client.templates.save(template)
        client.templates.save(template, migrate_agents=True)
        assert state(client, changed).system == "You serve Ada."

    def test_agents_that_were_deleted_or_are_of_another_template(
        self, client: Letta, template: str, changed: str, agent: str
    ) -> None:
        client.agents.delete(changed)
        before = state(client, agent)
        client.templates.save(template, migrate_agents=True)
        assert state(client, agent) == before, "the agent that it was made after is none of its own"


def test_a_template_of_a_file_brings_its_tools(client: Letta, http: httpx2.Client, agent: str, name: str) -> None:
    function = f"greet_{name.replace('-', '_')}"

    def change(file: Json) -> None:
        (tool,) = (each for each in file["tools"] if each["name"] == function)
        tool["source_code"] = TOOL.format(name=function, word="good evening")

    file = file_of(http, agent, change)
    client.templates.create(type="agent_file", agent_file=file, name=f"{name}-kept")
    client.templates.agents.create(f"{name}-kept")
    assert "hello" in str(next(iter(client.tools.list(name=function))).source_code)
    client.templates.create(type="agent_file", agent_file=file, name=f"{name}-new", update_existing_tools=True)
    assert "good evening" in str(next(iter(client.tools.list(name=function))).source_code)
    made = client.templates.agents.create(f"{name}-new").agent_ids[0]
    assert client.agents.messages.list(made).items[0].message_type == "system_message", "without the file's messages"


def test_values_of_secrets_are_not_stored_in_clear(
    client: Letta, http: httpx2.Client, agent: str, name: str, server: Any
) -> None:
    from tests.support.servers import database_of

    file = file_of(http, agent, lambda f: f["agents"][0].update(secrets={"TILL": "hush-4711"}))
    client.templates.create(type="agent_file", agent_file=file, name=name)
    with database_of(server) as cursor:
        cursor.execute("SELECT current FROM templates UNION ALL SELECT file FROM template_versions")
        assert "hush-4711" not in str(cursor.fetchall())
    made = client.templates.agents.create(name).agent_ids[0]
    assert secrets(client, made) == {"TILL": "hush-4711"}


def test_deleting_a_template_leaves_its_agents(client: Letta, template: str) -> None:
    made = client.templates.agents.create(template).agent_ids[0]
    assert client.templates.delete(template).success
    assert state(client, made).name
    with pytest.raises(APIStatusError, match="404"):
        client.templates.delete(template)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "", {"type": "agent", "agent_id": "agent-x"}, 422, "agent_id"),
        ("POST", "", {"type": "agent", "agent_id": "agent-123e4567-e89b-42d3-8456-426614174000"}, 404, "agent-1"),
        ("POST", "", {"type": "agent_file", "agent_file": {}}, 400, "agents"),
        ("POST", "", {"type": "agent_file", "agent_file": {"agents": []}}, 400, "at least 1 item"),
        ("POST", "", {"type": "other"}, 422, "type"),
        ("POST", "", {"type": "agent_file", "agent_file": {"agents": []}, "name": "a/b"}, 422, "name"),
        ("POST", "/TEMPLATE/rollback", {"version": "9"}, 404, "version 9"),
        ("POST", "/TEMPLATE/rollback", {"version": "new"}, 400, "latest"),
        ("POST", "/TEMPLATE:7/agents", {}, 404, "version 7"),
        ("POST", "/TEMPLATE:x/agents", {}, 400, "'x'"),
        ("POST", "/TEMPLATE/agents", {"agent_name": "<b>"}, 400, "name"),
        ("POST", "/TEMPLATE/agents", {"identity_ids": ["identity-x"]}, 404, "identity-x"),
        ("POST", "/nothing/agents", {}, 404, "nothing"),
        ("POST", "/nothing/save", {}, 404, "nothing"),
        ("PATCH", "/nothing", {"agent_file_json": {"agents": []}}, 404, "nothing"),
        ("PATCH", "/TEMPLATE", {"agent_file_json": {"agents": []}}, 400, "agent"),
    ],
)
def test_bad_input(
    http: httpx2.Client, template: str, method: str, path: str, body: Json, status: int, words: str
) -> None:
    answer = http.request(method, f"/v1/templates{path.replace('TEMPLATE', template)}", json=body)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


def test_names_are_taken_once(client: Letta, template: str, agent: str) -> None:
    with pytest.raises(APIStatusError, match="409"):
        client.templates.create(type="agent", agent_id=agent, name=template)
