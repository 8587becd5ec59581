"""What a former server has stored is here afterwards, under the same ids, and its agents go on where they were."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import psycopg2
import pytest
from letta_client import Letta

from letta.database.encryption import keyring
from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.legacy import world
from tests.legacy.conftest import ROOT, Environment, imported, letta, new_schema
from tests.legacy.former_server import USER, FormerServer
from tests.legacy.world import ADA, ARCHIVE, BOB, CAI, DAN, ELSE, FORK, GONE, OLD, SUPPORT, uid

pytestmark = [pytest.mark.slow, pytest.mark.database]


@pytest.fixture(scope="module")
def here(
    postgres_uri: str,
    former: FormerServer,
    scripted_model: ScriptedModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServerProcess]:
    """A server that was started as Render starts it, and has brought all over first."""
    directory: Path = tmp_path_factory.mktemp("server")
    with new_schema(postgres_uri, former, scripted_model, directory) as environment:
        server = ServerProcess(
            environment | {"LETTA_IMPORT_LEGACY": "auto", "LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1"},
            directory=directory,
            command=[str(ROOT / "start_render.sh")],
        )
        with server:
            yield server


@pytest.fixture
def client(here: ServerProcess) -> Iterator[Letta]:
    with here.client(max_retries=0) as opened:
        yield opened


@pytest.fixture
def http(here: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=here.url, timeout=30, trust_env=False) as opened:
        yield opened


def test_agents_are_there_with_all_that_they_hold(client: Letta) -> None:
    ada = client.agents.retrieve(
        ADA, include=["agent.blocks", "agent.tools", "agent.tags", "agent.sources", "agent.secrets", "agent.identities"]
    )
    assert (ada.name, ada.system, ada.agent_type) == ("Ada's helper", "You help Ada.", "letta_v1_agent")
    assert (ada.model, ada.embedding, ada.timezone) == (world.MODEL, world.EMBEDDING, "Europe/Berlin")
    assert (ada.llm_config.context_window, ada.llm_config.temperature) == (64000, 0.5)
    assert ada.metadata == {"env": "test"}
    assert {block.label: block.value for block in ada.blocks} == {
        "human": "Ada likes tea.",
        "persona": "I am kind.",
        "team": "The launch is in June.",
    }
    assert {tool.id: tool.name for tool in ada.tools} == {world.ROLL: "roll", world.REMOTE: "weather"}
    assert sorted(ada.tags) == ["prod", "tea"]
    assert [folder.id for folder in ada.sources] == [world.FOLDER]
    assert {secret.key: secret.value for secret in ada.secrets or ()} == {
        "SEALED": "sealed-value",
        "PLAIN": "plain-value",
        "OLDER": "older-value",
    }
    assert [identity.id for identity in ada.identities or ()] == [world.CUSTOMER]
    assert [rule.type for rule in ada.tool_rules or ()] == ["run_first", "exit_loop"]
    assert ada.compaction_settings is not None
    assert (ada.compaction_settings.clip_chars, ada.compaction_settings.sliding_window_percentage) == (1000, 0.4)
    assert ada.compaction_settings.prompt != "x" * 2182, "the former server's own prompt gives way to ours"


def test_what_old_versions_left_is_completed(client: Letta) -> None:
    old = client.agents.retrieve(OLD)
    assert (old.agent_type, old.timezone) == ("memgpt_agent", "UTC")
    assert (old.llm_config.model, old.llm_config.temperature) == ("gpt-4", 1.0)
    assert [message.message_type for message in client.agents.messages.list(OLD).items] == [
        "system_message",
        "user_message",
        "tool_call_message",
        "tool_return_message",
        "user_message",
    ]
    assert client.agents.messages.list(OLD).items[3].tool_return == "Yes."  # type: ignore[union-attr]


def test_contexts_and_histories_are_what_they_were(client: Letta) -> None:
    ada = client.agents.retrieve(ADA)
    assert ada.message_ids == [uid("message", number) for number in (1, 2, 3, 4, 5)]
    said = client.agents.messages.list(ADA, extra_query={"conversation_id": "default"}).items
    assert [message.id for message in said if message.message_type == "user_message"] == [
        uid("message", number) for number in (2, 6, 7)
    ]
    assert said[-1].content == "ab \ufffd c"  # type: ignore[union-attr]
    returned = next(message for message in said if message.message_type == "tool_return_message")
    assert [(each.tool_return, each.status) for each in returned.tool_returns or ()] == [
        ("4", "success"),
        ("No.", "error"),
    ]


def test_conversations_keep_their_own_contexts_and_blocks(client: Letta) -> None:
    assert {each.id: each.summary for each in client.conversations.list(agent_id=ADA)} == {
        SUPPORT: "Support",
        FORK: None,
    }
    support, fork = client.conversations.retrieve(SUPPORT), client.conversations.retrieve(FORK)
    assert support.in_context_message_ids == [uid("message", 10), uid("message", 12)]
    assert (support.model_extra or {})["isolated_block_ids"] == [world.APART]
    assert fork.in_context_message_ids == [uid("message", 13), uid("message", 12)]
    shared = [message.id for message in client.conversations.messages.list(FORK, order="asc")]
    assert shared == [uid("message", 13), uid("message", 12)]


def test_passages_have_their_vectors_without_padding(client: Letta) -> None:
    config = client.archives.retrieve(ARCHIVE).embedding_config
    assert config is not None
    assert config.handle == world.EMBEDDING, "the archive told none, so its agents' is taken"
    listed = {each.id: each for each in client.agents.passages.list(ADA)}
    assert {passage_id: each.text for passage_id, each in listed.items()} == {
        uid("passage", 1): "Paris is in France.",
        uid("passage", 2): "Long.",
        uid("passage", 3): "Whose?",
        uid("passage", 4): "No vector.",
    }
    assert listed[uid("passage", 1)].archive_id == ARCHIVE
    assert listed[uid("passage", 1)].tags == ["a", "b"]
    assert listed[uid("passage", 1)].embedding == [0.5, 0.25, 0.0, 0.0]


def test_files_are_there_and_open_where_they_were(client: Letta, http: httpx2.Client) -> None:
    files = {file.id: file for file in client.folders.files.list(world.FOLDER)}
    assert {file.file_name: file.processing_status for file in files.values()} == {
        "policy.txt": "completed",
        "lost.txt": "error",
        f"{uid('file', 3)} policy.txt": "completed",
    }
    (seen,) = client.agents.files.list(ADA)
    assert (seen.file_id, seen.is_open) == (world.FILE, True)
    assert "2: Be brief." in str(seen.visible_content)
    passages = http.get(f"/v1/folders/{world.FOLDER}/passages").json()
    assert [(each["id"], each["text"], each["embedding"]) for each in passages] == [
        (uid("passage", 20), "Be kind.", [0.0, 0.0, 0.5, 0.0])
    ]


def test_groups_know_how_far_they_have_read(http: httpx2.Client) -> None:
    group = http.get(f"/v1/groups/{world.SLEEPERS}").json()
    assert (group["manager_type"], group["agent_ids"]) == ("sleeptime", [CAI, BOB])
    assert group["last_processed_message_id"] == uid("message", 3)


def test_runs_and_steps_are_there_and_nobody_goes_on_with_them(client: Letta) -> None:
    run = client.runs.retrieve(world.RUN)
    assert (run.status, run.stop_reason, run.conversation_id) == ("completed", "end_turn", None)
    assert client.runs.usage.retrieve(world.RUN).total_tokens == 220
    assert [step.id for step in client.runs.steps.list(world.RUN, order="asc")] == [world.STEP, world.SECOND_STEP]
    unfinished = client.runs.retrieve(world.UNFINISHED)
    assert (unfinished.status, unfinished.conversation_id) == ("failed", GONE)
    assert unfinished.callback_error is not None, "what nobody called then isn't called now"


def test_other_organizations_have_what_is_theirs(http: httpx2.Client, client: Letta) -> None:
    assert client.agents.list(query_text="Of others").items == []
    theirs = http.get("/v1/agents/", headers={"user_id": world.OTHER_USER}).json()
    assert [agent["id"] for agent in theirs] == [ELSE]
    tools = http.get("/v1/tools/", headers={"user_id": world.OTHER_USER}).json()
    assert "send_message" in {tool["name"] for tool in tools}


def test_tools_have_the_ids_that_clients_know(client: Letta) -> None:
    assert client.tools.retrieve(world.SEND).tool_type == "letta_core"
    own = client.tools.retrieve(world.FETCH)
    assert (own.name, own.tool_type, own.source_code) == ("run_code", "custom", "x")
    assert world.SERVER in str(client.tools.retrieve(world.REMOTE).metadata)


def test_blocks_keep_the_values_that_were_kept(client: Letta, http: httpx2.Client) -> None:
    versions = http.get(f"/v1/blocks/{world.NOTES}/history", params={"order": "asc"}).json()
    assert [(each["version"], each["value"], each["author_type"]) for each in versions] == [
        (1, "first", "agent"),
        (2, "second", "user"),
        (3, "now", "user"),
    ]
    assert {agent.id for agent in client.blocks.agents.list(world.SHARED)} == {ADA, BOB}


def test_an_imported_agent_goes_on_talking_and_remembers(client: Letta, scripted_model: ScriptedModel) -> None:
    script = scripted_model.script(Reply("You said that your cat is called Mau."))
    answer = client.agents.messages.create(ADA, input=script.say("Which dice did I roll?"))
    assert [m.content for m in answer.messages if m.message_type == "assistant_message"] == [
        "You said that your cat is called Mau."
    ]
    sent = str(script.requests[0].body)
    assert "Roll two dice." in sent
    assert "Ada likes tea." in sent, "the system message is compiled anew"
    assert "compiled elsewhere" not in sent
    found = client.messages.search(query="cat called Mau")
    assert uid("message", 6) in str(found)


def test_added_providers_have_their_keys_and_models(http: httpx2.Client, here: ServerProcess) -> None:
    found = {each["name"]: each for each in http.get("/v1/providers/").json()}
    assert {name: each["id"] for name, each in found.items()} == {
        "mine": world.PLAIN,
        "sealed": world.SEALED,
        "clouds": uid("provider", 4),
    }
    handles = {each["handle"]: each["max_context_window"] for each in http.get("/v1/models/").json()}
    assert handles["mine/gpt-4o-mini"] == 50_000
    assert {each["handle"] for each in http.get("/v1/models/embedding").json()} >= {"mine/embedder"}
    assert "sk-sealed-key" not in here.log


def test_an_agent_of_an_added_provider_talks_with_its_key(
    here: ServerProcess, http: httpx2.Client, client: Letta, scripted_model: ScriptedModel
) -> None:
    """Though the environment has a provider with the same handles."""
    with closing(psycopg2.connect(here.environment["LETTA_PG_URI"])) as opened, opened, opened.cursor() as cursor:
        moved = f"UPDATE {here.environment['LETTA_PG_SCHEMA']}.providers SET base_url = %s WHERE id = %s"
        cursor.execute(moved, (scripted_model.base_url, world.SEALED))
    assert client.agents.retrieve(DAN).model == world.MODEL
    script = scripted_model.script(Reply("Hello."))
    client.agents.messages.create(DAN, input=script.say("Hello?"))
    assert script.requests[0].used_key("sk-sealed-key")
    script = scripted_model.script(Reply("Again."))
    assert http.post(f"/v1/agents/{DAN}/generate", json={"prompt": script.say()}).json()["content"] == "Again."
    assert script.requests[0].used_key("sk-sealed-key")


def test_variables_of_all_tools_are_there(http: httpx2.Client) -> None:
    listed = http.get(f"/v1/sandbox-config/{world.SANDBOX}/environment-variable").json()
    assert {each["key"]: (each["value"], each["description"]) for each in listed} == {
        "SEALED": ("sealed-variable", None),
        "OLDER": ("older-variable", "d"),
    }


def test_jobs_tell_how_they_ended(http: httpx2.Client) -> None:
    batch = http.get(f"/v1/messages/batches/{world.BATCH}").json()
    assert (batch["status"], batch["job_type"], batch["user_id"]) == ("failed", "batch", USER)
    assert batch["metadata"] == {"why": "newsletter", "stop_reason": "error"}
    assert batch["completed_at"].startswith("2026-01-02T12:00:00")
    broken_off = http.get(f"/v1/jobs/{world.BROKEN_OFF}").json()
    assert (broken_off["status"], broken_off["callback_sent_at"]) == ("failed", None)
    assert http.get("/v1/jobs/active").json() == []


def test_sign_ins_to_mcp_servers_stay(here: ServerProcess) -> None:
    environment = here.environment
    keyring.load(environment["LETTA_ENCRYPTION_KEY"])
    with closing(psycopg2.connect(environment["LETTA_PG_URI"])) as opened, opened, opened.cursor() as cursor:
        cursor.execute(f"SELECT id, access_token, refresh_token FROM {environment['LETTA_PG_SCHEMA']}.mcp_oauth")
        ((sign_in_id, access, refresh),) = cursor.fetchall()
    assert sign_in_id == world.SIGN_IN
    assert keyring.decrypt(access, "mcp_oauth.access_token") == "oauth-token"
    assert keyring.decrypt(refresh, "mcp_oauth.refresh_token") == "oauth-refresh"


def test_what_waits_for_approval_can_be_decided(client: Letta, scripted_model: ScriptedModel) -> None:
    waiting = client.agents.retrieve(CAI, include=["agent.pending_approval"]).pending_approval
    assert waiting is not None
    assert waiting.id == uid("message", 42)
    scripted_model.set_default(Reply("Then I won't."))
    answer = client.agents.messages.create(
        CAI,
        messages=[
            {"type": "approval", "approvals": [{"type": "approval", "tool_call_id": "call_5", "approve": False}]}
        ],
    )
    assert answer.stop_reason.stop_reason == "end_turn"


def test_a_second_start_brings_nothing_over_again(here: ServerProcess, client: Letta) -> None:
    client.agents.delete(OLD)
    here.restart()
    with here.client() as again:
        assert OLD not in {agent.id for agent in again.agents.list(limit=100)}


def test_the_former_servers_tables_are_only_read(environment: Environment, former: FormerServer) -> None:
    before = former.contents()
    assert "this was a dry run" in imported(environment, "--dry-run")
    imported(environment)
    told = imported(environment)
    assert "new here" in told
    for line in (
        "Providers configured by environment variables, and their models: set these variables on this server: 1 "
        "(openai)",
        "Providers of type bedrock were kept, but can't be used on this server: 1 (clouds)",
        "Providers in private networks: list their hosts in LETTA_ALLOW_PRIVATE_URLS: 2 (mine, sealed)",
        "Packages available to all tools: install them where this server runs: 1 (requests)",
        "Sign-ins to MCP servers that were never completed; sign in again: 1 (forecasts)",
        "Sign-ins to MCP servers that do not exist: 1 (forecasts)",
        "Variables of sandboxes that do not exist: 1 (LOST)",
    ):
        assert f"- {line}\n" in told
    compared = letta(environment, "import-legacy", "--verify")
    assert compared.returncode == 0, compared.stdout
    assert former.contents() == before
