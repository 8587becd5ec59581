"""The operations on folders, as the official client and plain HTTP meet them."""

import uuid
from collections.abc import Callable, Iterator

import httpx2
import pytest
from letta_client import APIStatusError, Letta, NotFoundError
from letta_client.types import Folder

UNKNOWN = "source-00000000-0000-4000-8000-0000000000aa"
EMBEDDING = "openai/text-embedding-3-small"
NewFolder = Callable[..., Folder]


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"folder-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def new_folder(http: httpx2.Client, client: Letta) -> Iterator[NewFolder]:
    made: list[str] = []

    def make(name: str, **fields: object) -> Folder:
        folder = client.folders.create(name=name, extra_body=fields)
        made.append(folder.id)
        return folder

    yield make
    for folder_id in made:
        http.delete(f"/v1/folders/{folder_id}")


def test_a_folder_on_the_wire(http: httpx2.Client, new_folder: NewFolder, name: str) -> None:
    created = new_folder(name, description="d", instructions="i", metadata={"k": 1}, embedding=EMBEDDING)
    body = http.get(f"/v1/folders/{created.id}").json()
    moments = [body.pop("created_at"), body.pop("updated_at")]
    assert all(moment.endswith("Z") and len(moment) == 27 for moment in moments)
    config = body.pop("embedding_config")
    assert (config["handle"], config["embedding_dim"], config["embedding_chunk_size"]) == (EMBEDDING, 1536, 300)
    assert body == {
        "id": created.id,
        "name": name,
        "description": "d",
        "instructions": "i",
        "metadata": {"k": 1},
        "organization_id": "org-00000000-0000-4000-8000-000000000000",
        "created_by_id": "user-00000000-0000-4000-8000-000000000000",
        "last_updated_by_id": "user-00000000-0000-4000-8000-000000000000",
    }


def test_a_folder_from_birth_to_death(client: Letta, http: httpx2.Client, new_folder: NewFolder, name: str) -> None:
    count = http.get("/v1/folders/count").json()
    folder = new_folder(name)
    assert http.get("/v1/folders/count").json() == count + 1
    assert http.get(f"/v1/folders/name/{name}").json() == folder.id
    assert [found.id for found in client.folders.list(name=name)] == [folder.id]
    assert client.folders.update(folder.id, description="e").description == "e"
    assert http.delete(f"/v1/folders/{folder.id}").json() is None
    with pytest.raises(NotFoundError, match=folder.id):
        client.folders.retrieve(folder.id)
    assert http.get(f"/v1/folders/name/{name}").status_code == 404


def test_names_are_unique(client: Letta, new_folder: NewFolder, name: str) -> None:
    new_folder(name)
    with pytest.raises(APIStatusError, match="Choose another name") as caught:
        client.folders.create(name=name)
    assert caught.value.status_code == 409


def test_unknown_things_are_refused(client: Letta, http: httpx2.Client, name: str) -> None:
    for attempt in (client.folders.retrieve, client.folders.delete, client.folders.update):
        with pytest.raises(NotFoundError, match=UNKNOWN):
            attempt(UNKNOWN)
    refused = http.post("/v1/folders", json={"name": name, "embedding": "openai/nope"})
    assert refused.status_code == 400
    assert EMBEDDING in refused.json()["detail"]


def test_agents_of_a_folder(client: Letta, new_folder: NewFolder, name: str) -> None:
    folder = new_folder(name)
    model = next(model.handle for model in client.models.list() if model.handle)
    agent = client.agents.create(model=model)
    client.agents.folders.attach(folder.id, agent_id=agent.id)
    assert list(client.folders.agents.list(folder.id)) == [agent.id]
    assert [held.id for held in client.agents.folders.list(agent.id)] == [folder.id]
    client.agents.folders.detach(folder.id, agent_id=agent.id)
    assert list(client.folders.agents.list(folder.id)) == []
    client.agents.delete(agent.id)


def test_sources_are_folders_under_their_former_name(http: httpx2.Client, new_folder: NewFolder, name: str) -> None:
    folder = new_folder(name)
    source = http.get(f"/v1/sources/{folder.id}").json()
    assert source.pop("vector_db_provider") == "native"
    assert source == http.get(f"/v1/folders/{folder.id}").json()
    assert http.get(f"/v1/sources/name/{name}").json() == folder.id
    assert folder.id in [each["id"] for each in http.get("/v1/sources/").json()]
    assert http.get("/v1/sources/count").json() == http.get("/v1/folders/count").json()
    assert http.get(f"/v1/sources/{folder.id}/agents").json() == []
    assert http.patch(f"/v1/sources/{folder.id}", json={"description": "s"}).json()["description"] == "s"
