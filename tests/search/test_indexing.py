"""The language of searches, and what was stored before it was chosen."""

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, text

from letta.archives.archive import Archive
from letta.archives.passage_repository import NewPassage, find_passages, insert_passages
from letta.archives.repository import insert_archive
from letta.database.base import SCHEMA
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import ConfigurationError
from letta.organizations.actor import Actor
from letta.search.indexing_repository import index_some, set_language, unindexed_tables
from letta.search.request import PassageSearch
from letta.testing.server import ServerProcess

Find = Callable[[str], list[str]]


@pytest.fixture
def undone(database: Database) -> Iterator[Connection]:
    """A transaction of which nothing stays."""
    with database.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def find(undone: Connection, actor: Actor) -> Find:
    """Searches an archive of three German sentences."""
    archive = insert_archive(undone, actor, Archive(new_id("archive"), actor.organization_id, "Notizen"))
    sentences = ["Die Häuser am See sind verkauft.", "Er kauft ein Haus.", "Sie wandert gern."]
    insert_passages(undone, actor, archive, [NewPassage(sentence) for sentence in sentences])

    def run(question: str) -> list[str]:
        found = find_passages(undone, actor, PassageSearch(question, 10, archive.id))
        return [passage.text for passage, _ in found]

    return run


def test_another_language_finds_its_own_forms_once_all_is_indexed_anew(undone: Connection, find: Find) -> None:
    assert find("Haus") == ["Er kauft ein Haus."]
    assert set_language(undone, "german")
    assert unindexed_tables(undone) == ["messages", "passages"]
    while index_some(undone, "passages", 100):
        pass
    assert unindexed_tables(undone) == ["messages"]
    assert sorted(find("Haus")) == ["Die Häuser am See sind verkauft.", "Er kauft ein Haus."]


def test_what_is_stored_after_the_change_needs_no_indexing(undone: Connection, actor: Actor) -> None:
    set_language(undone, "german")
    archive = insert_archive(undone, actor, Archive(new_id("archive"), actor.organization_id, "Notizen"))
    insert_passages(undone, actor, archive, [NewPassage("Die Häuser am See.")])
    assert find_passages(undone, actor, PassageSearch("Haus", 10, archive.id))


def test_indexing_goes_on_where_it_was_broken_off(undone: Connection, find: Find) -> None:
    set_language(undone, "german")
    undone.execute(text(f"DELETE FROM {SCHEMA}.passages WHERE text NOT LIKE '%Haus%' AND text NOT LIKE '%Häuser%'"))
    assert index_some(undone, "passages", 1)
    first = find("Haus")
    assert index_some(undone, "passages", 1)
    assert not index_some(undone, "passages", 1)
    assert not index_some(undone, "passages", 1), "there is nothing more to do"
    assert len(first) <= len(find("Haus")) == 2


def test_the_same_language_writes_nothing(undone: Connection) -> None:
    assert not set_language(undone, "english")
    assert unindexed_tables(undone) == []
    set_language(undone, "german")
    assert not set_language(undone, "german")


def test_a_language_that_the_database_does_not_know_is_refused(undone: Connection) -> None:
    with pytest.raises(ConfigurationError, match=r"LETTA_SEARCH_LANGUAGE is 'klingon'.*Set it to one of: .*german"):
        set_language(undone, "klingon")


@pytest.mark.slow
def test_a_server_that_is_started_with_another_language_indexes_what_is_stored(
    server_environment: dict[str, str],
) -> None:
    with ServerProcess(server_environment) as server:
        client = server.client()
        archive = client.archives.create(name="Notizen")
        client.archives.passages.create(archive.id, text="Die Häuser am See sind verkauft.")
        assert client.passages.search(query="Haus", archive_id=archive.id) == []
        server.restart(LETTA_SEARCH_LANGUAGE="german")
        deadline = time.monotonic() + 30
        while not client.passages.search(query="Haus", archive_id=archive.id):
            assert time.monotonic() < deadline, server.log
            time.sleep(0.1)  # it indexes in the background, and tells nobody when it is done
