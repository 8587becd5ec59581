"""Complaints about the former server that are about finding memory again: each test is named after one."""

import json

import httpx2
import pytest
from letta_client import Letta

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.archives.rememberer import EMBEDDING, OTHER_EMBEDDING, TOOLS, Rememberer
from tests.embedding_endpoint import EmbeddingEndpoint
from tests.support.waiting import until


class TestEmbeddingsWereMandatory:
    """An agent couldn't be made without an embedding model, and not every provider's was taken."""

    def test_an_agent_needs_none(self, http: httpx2.Client, client: Letta) -> None:
        agent = Rememberer(http, tools=TOOLS)
        assert agent.agent["embedding_config"] is None
        agent.keep("The meeting with Zoë was moved to Thursday.")
        assert agent.find("When do I meet Zoe?") == ["The meeting with Zoë was moved to Thursday."]
        assert agent.passages()[0]["embedding"] is None

    def test_it_may_be_given_one_later(self, http: httpx2.Client, model: ScriptedModel) -> None:
        agent = Rememberer(http, tools=TOOLS)
        agent.keep("one", "two")
        http.patch(f"/v1/agents/{agent.id}", json={"embedding": EMBEDDING}).raise_for_status()
        until(lambda: all(passage["embedding"] for passage in agent.passages()))
        assert agent.passages()[0]["embedding_config"]["handle"] == EMBEDDING

    def test_another_model_embeds_what_is_there_anew(self, http: httpx2.Client, model: ScriptedModel) -> None:
        agent = Rememberer(http, tools=TOOLS, embedding=EMBEDDING)
        agent.keep("one", "two")
        http.patch(f"/v1/agents/{agent.id}", json={"embedding": OTHER_EMBEDDING}).raise_for_status()
        name = OTHER_EMBEDDING.partition("/")[2]
        until(lambda: [request for request in model.requests(path="/embeddings") if request.body["model"] == name])
        agent.keep("three")
        assert {passage["embedding_config"]["handle"] for passage in agent.passages()} == {OTHER_EMBEDDING}
        assert agent.find("three")[0] == "three"

    def test_an_archive_may_be_given_another_one_too(
        self, http: httpx2.Client, client: Letta, model: ScriptedModel
    ) -> None:
        archive = client.archives.create(name="A")
        client.archives.passages.create(archive.id, text="one")
        http.patch(f"/v1/archives/{archive.id}", json={"embedding": EMBEDDING}).raise_for_status()
        until(lambda: client.passages.search(archive_id=archive.id)[0].passage.embedding)

    @pytest.mark.slow
    def test_a_default_can_be_set_for_the_server(
        self, server_environment: dict[str, str], model: ScriptedModel
    ) -> None:
        environment = server_environment | {"LETTA_DEFAULT_EMBEDDING_HANDLE": EMBEDDING}
        with ServerProcess(environment) as server, httpx2.Client(base_url=server.url, trust_env=False) as http:
            agent = Rememberer(http, tools=TOOLS)
            agent.keep("one")
            assert agent.passages()[0]["embedding"]
            assert http.post("/v1/archives", json={"name": "A"}).json()["embedding_config"]["handle"] == EMBEDDING


class TestLocalEmbeddingModels:
    """Models behind an address of one's own were hidden, or asked for under the wrong path."""

    @pytest.mark.slow
    def test_any_address_and_any_name(self, server_environment: dict[str, str]) -> None:
        with EmbeddingEndpoint(dimensions=24) as endpoint:
            endpoint.lists = False
            environment = server_environment | {"VLLM_API_BASE": endpoint.url}
            with ServerProcess(environment) as server, httpx2.Client(base_url=server.url, trust_env=False) as http:
                agent = Rememberer(http, tools=TOOLS, embedding="vllm/my-own-embedder")
                agent.keep("The marmot sleeps in winter.")
                assert len(agent.passages()[0]["embedding"]) == 24
                assert agent.find("When does the marmot sleep?") == ["The marmot sleeps in winter."]
                assert endpoint.asked == [["The marmot sleeps in winter."], ["When does the marmot sleep?"]]


class TestWhatWasImportedWasNotFound:
    """An export or import failed without a word; what had been said was gone from the search."""

    def test_imported_messages_are_found(self, http: httpx2.Client, client: Letta, model: ScriptedModel) -> None:
        agent = Rememberer(http, tools=TOOLS)
        agent.say(model.script(Reply("I'll remember.")).say("My passport is in the blue drawer."))
        exported = http.get(f"/v1/agents/{agent.id}/export").raise_for_status().content
        file = {"file": ("agent.af", exported, "application/json")}
        (imported,) = http.post("/v1/agents/import", files=file).raise_for_status().json()["agent_ids"]
        (found, *_) = client.messages.search(query="Where is my passport?", agent_id=imported)
        assert "blue drawer" in str(getattr(found, "content", ""))
        copy = Rememberer.of(http, imported)
        script = model.script(Reply(calls=[Call("conversation_search", {"query": "passport drawer"})]), Reply("Found."))
        messages = copy.say(script.say("Look it up."))["messages"]
        returned = next(m["tool_return"] for m in messages if m["message_type"] == "tool_return_message")
        assert "blue drawer" in json.loads(returned)["results"][0]["content"]


def test_the_whole_question_was_looked_for_as_it_stands(http: httpx2.Client, client: Letta) -> None:
    """conversation_search and archival search found nothing unless the text contained the query letter by letter."""
    agent = Rememberer(http, tools=TOOLS)
    agent.keep("Melanie: I started running to clear my mind.")
    assert agent.find("What does Melanie say that her runs are good for?")
