"""What becomes of requests to create and change folders."""

from typing import Any

import pytest

from letta.errors import InvalidArgumentError
from letta.folders import service
from letta.folders.schemas import CreateFolder, UpdateFolder
from letta.llm.catalog import Catalog
from letta.llm.provider import Provider
from letta.organizations.actor import DEFAULT_ACTOR
from letta.settings import settings

HANDLE = "openai/text-embedding-3-small"
CONFIG: dict[str, Any] = {"embedding_endpoint_type": "openai", "embedding_model": "m", "embedding_dim": 3}


@pytest.fixture
def catalog() -> Catalog:
    return Catalog([Provider("openai", "openai", "http://127.0.0.1:9/v1", "openai-proxy")])


async def test_the_embedding_model_is_looked_up(catalog: Catalog) -> None:
    body = CreateFolder(name="a", embedding=HANDLE, embedding_chunk_size=99, metadata={"k": 1})
    folder = await service.new_folder(catalog, DEFAULT_ACTOR, body)
    assert folder.embedding_config is not None
    assert folder.embedding_config["handle"] == HANDLE
    assert folder.embedding_config["embedding_dim"] == 1536
    assert folder.embedding_config["embedding_chunk_size"] == 99
    assert (folder.organization_id, folder.metadata) == (DEFAULT_ACTOR.organization_id, {"k": 1})
    assert folder.id.startswith("source-")


async def test_an_unknown_embedding_model_is_refused(catalog: Catalog) -> None:
    with pytest.raises(InvalidArgumentError, match=HANDLE):
        await service.new_folder(catalog, DEFAULT_ACTOR, CreateFolder(name="a", embedding="openai/nope"))


async def test_a_given_configuration_is_stored_whole(catalog: Catalog) -> None:
    body = CreateFolder.model_validate({"name": "a", "embedding_config": CONFIG})
    folder = await service.new_folder(catalog, DEFAULT_ACTOR, body)
    assert folder.embedding_config is not None
    assert folder.embedding_config["batch_size"] == 32


async def test_without_a_model_the_default_one_is_taken_or_none(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "default_embedding_handle", None)
    assert (await service.new_folder(catalog, DEFAULT_ACTOR, CreateFolder(name="a"))).embedding_config is None
    monkeypatch.setattr(settings, "default_embedding_handle", HANDLE)
    folder = await service.new_folder(catalog, DEFAULT_ACTOR, CreateFolder(name="a"))
    assert folder.embedding_config is not None
    assert folder.embedding_config["handle"] == HANDLE


def test_only_what_was_sent_changes() -> None:
    assert service.changes_of(UpdateFolder()) == {}
    assert service.changes_of(UpdateFolder(name=None, description=None, embedding_config=None)) == {"description": None}
    changes = service.changes_of(UpdateFolder.model_validate({"embedding_config": CONFIG}))
    assert changes["embedding_config"]["embedding_chunk_size"] == 300
