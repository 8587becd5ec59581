"""A database of the former server itself against what is known of it. Runs where LETTA_TEST_LEGACY_SAMPLE names both.

The directory holds legacy-sample.sql.gz, a plain dump, and legacy-sample.expect.json.
"""

import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from letta_client import Letta
from psycopg2.extensions import cursor as Cursor

from letta.database.encryption import keyring
from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.legacy.conftest import SAMPLE, imported, letta
from tests.support.servers import environment_of

pytestmark = [pytest.mark.slow, pytest.mark.database]

DIRECTORY = Path(os.environ.get(SAMPLE, ""))
DATABASE = "letta_test_sample"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def expected() -> Json:
    loaded: Json = json.loads((DIRECTORY / "legacy-sample.expect.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def uri(embedded_uri: str) -> Iterator[str]:
    """The sample, in a database of its own, which goes afterwards."""
    with closing(psycopg2.connect(embedded_uri)) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"CREATE DATABASE {DATABASE}")
        parts = urlsplit(embedded_uri)
        sample = urlunsplit(parts._replace(path=f"/{DATABASE}"))
        with closing(psycopg2.connect(sample)) as connection, connection, connection.cursor() as filling:
            _restore(filling, gzip.decompress((DIRECTORY / "legacy-sample.sql.gz").read_bytes()).decode())
        yield sample
        cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _restore(cursor: Cursor, dump: str) -> None:
    lines = iter(dump.splitlines(keepends=True))
    waiting: list[str] = ["SELECT 1;"]
    for line in lines:
        if line.startswith("COPY "):
            cursor.execute("".join(waiting))
            waiting = ["SELECT 1;"]
            rows = "".join(iter(lambda: next(lines), "\\.\n"))
            cursor.copy_expert(line, io.StringIO(rows))
        elif not line.startswith("\\"):
            waiting.append(line)
    cursor.execute("".join(waiting))


@pytest.fixture(scope="module")
def environment(uri: str, expected: Json, scripted_model: ScriptedModel) -> dict[str, str]:
    made = environment_of(uri, "letta", scripted_model)
    return made | {"LETTA_LEGACY_ENCRYPTION_KEY": expected["encryption_key"]}


@pytest.fixture(scope="module")
def here(
    environment: dict[str, str], uri: str, scripted_model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    imported(environment)
    compared = letta(environment, "import-legacy", "--verify")
    assert compared.returncode == 0, compared.stdout
    _answer_for_added_providers(uri, scripted_model)
    with ServerProcess(
        environment | {"LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1"}, directory=tmp_path_factory.mktemp("server")
    ) as server:
        yield server


def _answer_for_added_providers(uri: str, model: ScriptedModel) -> None:
    """Put the scripted model where the providers of the sample were; their keys stay."""
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        for kind, url in (("openai", model.base_url), ("anthropic", model.anthropic_url)):
            cursor.execute("UPDATE letta.providers SET base_url = %s WHERE provider_type = %s", (url, kind))


@pytest.fixture(scope="module")
def client(here: ServerProcess) -> Iterator[Letta]:
    with here.client(max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def agents(client: Letta) -> dict[str, Any]:
    everything = ("blocks", "tools", "tags", "sources", "secrets", "identities", "pending_approval")
    include: Any = [f"agent.{name}" for name in everything]
    listed = client.agents.list(limit=100, include=include, extra_query={"show_hidden_agents": True})
    return {agent.id: agent for agent in listed}


def test_agents(expected: Json, agents: dict[str, Any]) -> None:
    assert agents.keys() == {agent["id"] for agent in expected["agents"]}
    for known in expected["agents"]:
        agent = agents[known["id"]]
        same = ("name", "agent_type", "system", "hidden", "timezone", "description", "metadata", "enable_sleeptime")
        assert {name: getattr(agent, name) for name in same} == {name: known[name] for name in same}
        assert (agent.model, agent.embedding) == (known["model_handle"], known["embedding_handle"])
        assert agent.llm_config.context_window == known["context_window"]
        assert [rule.model_dump(exclude_none=True) for rule in agent.tool_rules] == [
            {name: value for name, value in rule.items() if value is not None} for rule in known["tool_rules"]
        ]
        assert agent.compaction_settings.mode == known["compaction_mode"]
        assert agent.message_ids == known["in_context_message_ids"]
        assert sorted(agent.tags) == sorted(known["tags"])
        assert sorted([tool.name, tool.tool_type] for tool in agent.tools) == sorted(known["tools"]), agent.name
        assert sorted(secret.key for secret in agent.secrets) == sorted(key for key, _ in known["secrets"])
        blocks = {block.id: block for block in agent.blocks}
        assert blocks.keys() == {block["id"] for block in known["blocks"]}
        for block in known["blocks"]:
            assert {name: getattr(blocks[block["id"]], name) for name in block} == block


def test_messages(expected: Json, client: Letta) -> None:
    for known in expected["agents"]:
        wire = client.agents.messages.list(known["id"], limit=1000, order="asc", use_assistant_message=False).items
        ids = list(dict.fromkeys(message.id for message in wire))
        assert ids[0] == known["first_message_id"]
        assert ids[-1] == known["last_message_id"]
        assert len(ids) == known["message_count_all"], known["name"]


def test_conversations(expected: Json, client: Letta) -> None:
    for agent in expected["agents"]:
        live = {each["id"]: each for each in agent["conversations"] if not each["is_deleted"]}
        assert {each.id for each in client.conversations.list(agent_id=agent["id"])} == live.keys()
        for known in live.values():
            found = client.conversations.retrieve(known["id"])
            assert found.summary == known["summary"]
            assert found.in_context_message_ids == known["in_context_message_ids"]
            isolated = [
                client.blocks.retrieve(block_id) for block_id in (found.model_extra or {})["isolated_block_ids"]
            ]
            assert {block.label: block.value for block in isolated} == known["isolated_blocks"]


def test_passages_and_vectors(expected: Json, client: Letta) -> None:
    for agent in expected["agents"]:
        found = {passage.id: passage for passage in client.agents.passages.list(agent["id"], limit=100)}
        assert found.keys() == {known["id"] for known in agent["passages"]}
        for known in agent["passages"]:
            passage = found[known["id"]]
            assert (passage.text, passage.archive_id) == (known["text"], known["archive_id"])
            assert sorted(passage.tags or ()) == sorted(known["tags"] or ())
            vector = passage.embedding or []
            assert len(vector) == known["vector"]["dim"]
            for place, value in known["vector"]["nonzero"]:
                assert vector[place] == pytest.approx(value, rel=1e-3)


def test_tools_identities_folders(expected: Json, client: Letta) -> None:
    for known in expected["custom_tools"]:
        tool = client.tools.retrieve(known["id"])
        same = ("name", "return_char_limit", "default_requires_approval", "tags")
        assert {name: getattr(tool, name) for name in same} == {name: known[name] for name in same}
    for known in expected["identities"]:
        found = client.get(f"/v1/identities/{known['id']}", cast_to=object)
        assert {name: found[name] for name in known} == known  # type: ignore[index]
    for known in expected["folders"]:
        folder = client.folders.retrieve(known["id"])
        assert (folder.name, folder.instructions) == (known["name"], known["instructions"])
    for known in expected["files"]:
        listed = {
            file.id: file for file in client.folders.files.list(expected["folders"][0]["id"], include_content=True)
        }
        found = listed[known["id"]]
        assert f"handbook/{found.file_name}" == known["file_name"]
        assert (found.processing_status, found.total_chunks) == (known["status"], known["total_chunks"])
        assert hashlib.sha256(str(found.content).encode()).hexdigest() == known["content_sha256"]
    for known in expected["groups"]:
        group: Any = client.get(f"/v1/groups/{known['id']}", cast_to=object)
        assert {name: group[name] for name in known} == known
    for known in expected["shared_blocks"]:
        assert len(list(client.blocks.agents.list(known["id"]))) == known["agents"]


def test_secrets(expected: Json, agents: dict[str, Any]) -> None:
    found = {
        f"agent {agent.name} {secret.key}": secret.value for agent in agents.values() for secret in agent.secrets or ()
    }
    assert found == {name: value for name, value in expected["secrets_plaintext"].items() if name.startswith("agent ")}


def test_what_waits_is_waiting(expected: Json, agents: dict[str, Any]) -> None:
    for known in expected["agents"]:
        pending = agents[known["id"]].pending_approval
        waiting = [call.tool_call_id for call in pending.tool_calls] if pending else []
        assert waiting == known["pending_approval_tool_calls"]


def test_every_agent_that_waits_for_nothing_can_be_talked_to(
    expected: Json, client: Letta, scripted_model: ScriptedModel
) -> None:
    for known in expected["agents"]:
        if known["pending_approval_tool_calls"]:
            continue
        names = {name for name, _ in known["tools"]}
        speaks = known["agent_type"] in {"letta_v1_agent", "sleeptime_agent"}
        call = (
            Call("send_message", {"message": "I do."}) if "send_message" in names else Call("roll_dice", {"sides": 6})
        )
        script = scripted_model.script(Reply("I remember.") if speaks else Reply(calls=[call]))
        client.agents.messages.create(known["id"], input=script.say("Do you remember?"), max_steps=1)
        (asked,) = script.requests
        assert "Do you remember?" in str(asked.body)
        for block in known["blocks"]:
            assert asked.contains(block["value"]), known["name"]
        said = client.agents.messages.list(known["id"], limit=1000, order="asc", use_assistant_message=False).items
        for message in said:
            seen = message.id in known["in_context_message_ids"] and known["agent_type"] != "workflow_agent"
            if seen and message.message_type == "user_message" and isinstance(message.content, str):
                assert asked.contains(message.content), f"{known['name']} has what it had in its context"


def test_what_was_said_and_kept_is_found_again(expected: Json, client: Letta) -> None:
    for known in expected["agents"]:
        for passage in known["passages"]:
            found = client.agents.passages.search(known["id"], query=passage["text"])
            assert passage["text"] in {each.content for each in found.results}, known["name"]
        said = client.agents.messages.list(known["id"], limit=1000, order="asc").items
        first = next((message for message in said if message.message_type == "user_message"), None)
        if first is not None and isinstance(first.content, str) and not first.content.startswith("{"):
            results = client.messages.search(query=first.content[:200])
            assert first.id in {each.message_id for each in results}, known["name"]


def test_an_agent_of_an_added_provider_talks_with_its_key(
    expected: Json, client: Letta, scripted_model: ScriptedModel
) -> None:
    """Its handle is one of the environment's provider, too, as the former server gave handles."""
    script = scripted_model.script(Reply("I am here."))
    client.agents.messages.create(expected["state"]["theta"], input=script.say("Hello?"))
    assert script.requests[0].used_key(expected["secrets_plaintext"]["provider byok-plain"])


@pytest.mark.parametrize("provider", ["byok-plain", "byok-enc", "byok-anthropic-enc"])
def test_added_providers_have_their_keys(
    expected: Json, client: Letta, scripted_model: ScriptedModel, provider: str
) -> None:
    model = "claude-haiku-4-5" if "anthropic" in provider else "gpt-4o-mini"
    client.agents.update(expected["state"]["noemb"], model=f"{provider}/{model}")
    script = scripted_model.script(Reply("I am here."))
    client.agents.messages.create(expected["state"]["noemb"], input=script.say("Hello?"))
    assert script.requests[0].used_key(expected["secrets_plaintext"][f"provider {provider}"])


def test_variables_of_all_tools(expected: Json, client: Letta) -> None:
    found: Any = client.get(f"/v1/sandbox-config/{expected['state']['sandbox']}/environment-variable", cast_to=object)
    known = {name: value for name, value in expected["secrets_plaintext"].items() if name.startswith("sandbox ")}
    assert {f"sandbox {each['key']}": each["value"] for each in found} == known


def test_mcp_servers_keep_their_secrets(expected: Json, uri: str, environment: dict[str, str]) -> None:
    keyring.load(environment["LETTA_ENCRYPTION_KEY"])
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT server_name, auth_token, custom_headers FROM letta.mcp_servers WHERE auth_token <> ''")
        for name, token, headers in cursor.fetchall():
            assert (
                keyring.decrypt(token, "mcp_servers.auth_token")
                in expected["secrets_plaintext"][f"mcp {name} auth token"]
            )
            opened = json.loads(keyring.decrypt(headers, "mcp_servers.custom_headers"))
            assert opened == expected["secrets_plaintext"][f"mcp {name} custom_headers"]
