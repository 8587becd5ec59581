"""Folders with files, and agents that look into them."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.folders.uploading import upload, uploaded
from tests.talking import AgentTalk

Json = dict[str, Any]

TEXT = "alpha first line\nbeta second line\ngamma third line\n"


class Library:
    """A folder of a test's own."""

    def __init__(self, http: httpx2.Client, **fields: Any) -> None:
        self.http = http
        self.folder: Json = http.post("/v1/folders", json=fields).raise_for_status().json()
        self.id: str = self.folder["id"]
        self.name: str = self.folder["name"]
        self.path = f"/v1/folders/{self.id}"

    def keep(self, text: str = TEXT, name: str = "notes.txt") -> str:
        """Store a text. Returns the file's id once it has been read."""
        return uploaded(self.http, self.id, text, name)

    def upload(self, data: bytes, file_name: str, **query: Any) -> Json:
        return upload(self.http, self.id, data, file_name, **query)

    def files(self, **query: Any) -> list[Json]:
        listed: list[Json] = self.http.get(f"{self.path}/files", params=query).raise_for_status().json()
        return listed

    def names(self) -> list[str]:
        """Names of the files, oldest first."""
        return [file["file_name"] for file in self.files(order="asc")]


class Reader(AgentTalk):
    """An agent that has folders."""

    def files(self, **query: Any) -> list[Json]:
        answer = self.http.get(f"/v1/agents/{self.id}/files", params={"order": "asc"} | query)
        listed: list[Json] = answer.raise_for_status().json()["files"]
        return listed

    def opened(self) -> list[str]:
        """Names of the files that it has open, oldest first."""
        return [file["file_name"] for file in self.files(is_open=True)]

    def open(self, file_id: str) -> list[str]:
        answer = self.http.patch(f"/v1/agents/{self.id}/files/{file_id}/open")
        closed: list[str] = answer.raise_for_status().json()
        return closed

    def close_all(self) -> list[str]:
        closed: list[str] = self.http.patch(f"/v1/agents/{self.id}/files/close-all").raise_for_status().json()
        return closed

    def attach(self, library: Library) -> None:
        self.http.patch(f"/v1/agents/{self.id}/folders/attach/{library.id}").raise_for_status()

    def detach(self, library: Library) -> None:
        self.http.patch(f"/v1/agents/{self.id}/folders/detach/{library.id}").raise_for_status()

    def tools(self) -> set[str]:
        listed = self.http.get(f"/v1/agents/{self.id}/tools", params={"limit": 50}).raise_for_status().json()
        return {tool["name"] for tool in listed}

    def call(self, model: ScriptedModel, name: str, **arguments: object) -> tuple[str, str]:
        """Status and text of what one call of a tool returns, made in a turn."""
        script = model.script(Reply(calls=[Call(name, arguments)]), Reply("Done."))
        messages = self.say(script.say())["messages"]
        (returned,) = [message for message in messages if message["message_type"] == "tool_return_message"]
        return returned["status"], returned["tool_return"]

    def system(self) -> str:
        """The stored system message."""
        return str(next(m for m in self.history() if m["message_type"] == "system_message")["content"])


NewLibrary = Callable[..., Library]
NewReader = Callable[..., Reader]


@pytest.fixture
def new_library(http: httpx2.Client, request: pytest.FixtureRequest) -> NewLibrary:
    made = 0

    def make(**fields: Any) -> Library:
        nonlocal made
        made += 1
        return Library(http, **({"name": f"{request.node.name[:100]} {made}"} | fields))

    return make


@pytest.fixture
def library(new_library: NewLibrary) -> Library:
    return new_library()


@pytest.fixture
def new_reader(http: httpx2.Client) -> NewReader:
    """Makes agents with folders."""

    def make(*libraries: Library, **settings: Any) -> Reader:
        return Reader(http, **({"folder_ids": [library.id for library in libraries]} | settings))

    return make
