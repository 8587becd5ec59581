"""An agent with archival memory, spoken to and looked into."""

from collections.abc import Callable
from typing import Any

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.talking import AgentTalk

Json = dict[str, Any]

EMBEDDING = "openai/text-embedding-3-small"
OTHER_EMBEDDING = "openai/text-embedding-ada-002"
TOOLS = ["archival_memory_insert", "archival_memory_search", "conversation_search"]


class Rememberer(AgentTalk):
    """An agent with archival memory."""

    def keep(self, *texts: str, **fields: Any) -> list[Json]:
        """Put texts into its archival memory by the API."""
        return [self._kept({"text": text} | fields) for text in texts]

    def _kept(self, body: Json) -> Json:
        response = self.http.post(f"/v1/agents/{self.id}/archival-memory", json=body)
        assert response.status_code == 200, response.text
        (passage,) = response.json()
        return dict(passage)

    def passages(self, **query: Any) -> list[Json]:
        response = self.http.get(f"/v1/agents/{self.id}/archival-memory", params=query)
        listed: list[Json] = response.raise_for_status().json()
        return listed

    def texts(self) -> list[str]:
        return [passage["text"] for passage in self.passages()]

    def find(self, query: str, **conditions: Any) -> list[str]:
        """The texts that a search by the API finds."""
        response = self.http.get(f"/v1/agents/{self.id}/archival-memory/search", params={"query": query} | conditions)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["count"] == len(answer["results"])
        return [result["content"] for result in answer["results"]]

    def call(self, model: ScriptedModel, name: str, **arguments: object) -> Json:
        """The return of one call of a tool, made in a turn."""
        script = model.script(Reply(calls=[Call(name, arguments)]), Reply("Done."))
        messages = self.say(script.say())["messages"]
        (returned,) = [message for message in messages if message["message_type"] == "tool_return_message"]
        return dict(returned)


NewRememberer = Callable[..., Rememberer]
