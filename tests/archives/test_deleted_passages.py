"""Passages that were deleted: kept for a while, restored, or gone for good."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, select, update

from letta.archives import deleted_repository, passage_repository, repository
from letta.archives.archive import Archive
from letta.archives.passage_repository import NewPassage
from letta.archives.tables import deleted_passages
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import NotFoundError
from letta.organizations.actor import Actor
from letta.testing.server import ServerProcess
from tests.archives.rememberer import EMBEDDING, NewRememberer
from tests.support.waiting import until

pytestmark = pytest.mark.database

Json = dict[str, Any]
UNKNOWN = "passage-00000000-0000-4000-8000-0000000000aa"


def deleted_of(http: httpx2.Client, archive: str, **query: Any) -> list[Json]:
    listed: list[Json] = http.get(f"/v1/archives/{archive}/deleted-passages", params=query).raise_for_status().json()
    return listed


@pytest.mark.slow
class TestByTheApi:
    def test_what_was_deleted_is_found_again_as_it_was(self, http: httpx2.Client, rememberer: NewRememberer) -> None:
        talk = rememberer(embedding=EMBEDDING)
        (kept,) = talk.keep("Ada drinks green tea", tags=["tea", "ada"], created_at="2020-01-02T03:04:05Z")
        http.delete(f"/v1/agents/{talk.id}/archival-memory/{kept['id']}").raise_for_status()
        assert talk.find("green tea") == []
        (deleted,) = deleted_of(http, kept["archive_id"])
        assert {name: deleted[name] for name in ("id", "text", "tags", "created_at")} == {
            "id": kept["id"],
            "text": "Ada drinks green tea",
            "tags": ["ada", "tea"],
            "created_at": "2020-01-02T03:04:05.000000Z",
        }
        assert deleted["deleted_by_id"].startswith("user-")
        path = f"/v1/archives/{kept['archive_id']}/deleted-passages/{kept['id']}"
        restored = http.post(f"{path}/restore").raise_for_status().json()
        assert (restored["id"], restored["created_at"]) == (kept["id"], "2020-01-02T03:04:05.000000Z")
        assert deleted_of(http, kept["archive_id"]) == []
        assert talk.find("green tea") == ["Ada drinks green tea"]
        until(lambda: [passage["embedding"] for passage in talk.passages()] == [kept["embedding"]])
        assert http.post(f"{path}/restore").status_code == 404

    def test_gone_for_good(self, http: httpx2.Client) -> None:
        archive = http.post("/v1/archives", json={"name": "Facts"}).json()["id"]
        passage = http.post(f"/v1/archives/{archive}/passages", json={"text": "a secret"}).json()["id"]
        assert http.delete(f"/v1/archives/{archive}/passages/{passage}").status_code == 204
        assert http.delete(f"/v1/archives/{archive}/deleted-passages/{passage}").status_code == 204
        assert deleted_of(http, archive) == []
        refused = http.post(f"/v1/archives/{archive}/deleted-passages/{passage}/restore")
        assert refused.status_code == 404
        assert passage in refused.json()["detail"]

    def test_what_does_not_exist(self, http: httpx2.Client) -> None:
        archive = http.post("/v1/archives", json={"name": "Facts"}).json()["id"]
        nowhere = "archive-00000000-0000-4000-8000-0000000000aa"
        assert http.get(f"/v1/archives/{nowhere}/deleted-passages").status_code == 404
        assert http.delete(f"/v1/archives/{archive}/deleted-passages/{UNKNOWN}").status_code == 404
        assert http.delete(f"/v1/archives/{archive}/passages/{UNKNOWN}").status_code == 404

    def test_nothing_is_kept_where_it_is_set_so(self, server_environment: dict[str, str]) -> None:
        with (
            ServerProcess({**server_environment, "LETTA_DELETED_PASSAGES_DAYS": "0"}) as server,
            httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as http,
        ):
            archive = http.post("/v1/archives", json={"name": "Facts"}).json()["id"]
            passage = http.post(f"/v1/archives/{archive}/passages", json={"text": "a secret"}).json()["id"]
            http.delete(f"/v1/archives/{archive}/passages/{passage}").raise_for_status()
            assert deleted_of(http, archive) == []


class TestInTheDatabase:
    @pytest.fixture
    def archive(self, connection: Connection, actor: Actor) -> Archive:
        new = Archive(new_id("archive"), actor.organization_id, "Facts")
        return repository.insert_archive(connection, actor, new)

    def delete(self, connection: Connection, actor: Actor, archive: Archive, count: int) -> list[str]:
        new = [NewPassage(f"fact {number}") for number in range(count)]
        ids = [passage.id for passage in passage_repository.insert_passages(connection, actor, archive, new)]
        for passage_id in ids:
            deleted_repository.delete_passage(connection, actor, archive.id, passage_id, keep=True)
        return ids

    def test_they_go_when_their_time_is_over(self, connection: Connection, actor: Actor, archive: Archive) -> None:
        old, fresh = self.delete(connection, actor, archive, 2)
        ago = datetime.now(UTC) - timedelta(days=30, minutes=1)
        connection.execute(update(deleted_passages).where(deleted_passages.c.id == old).values(deleted_at=ago))
        deleted_repository.drop_old_deleted_passages(connection, 30)
        kept = connection.scalars(select(deleted_passages.c.id).where(deleted_passages.c.archive_id == archive.id))
        assert kept.all() == [fresh]

    def test_pages(self, connection: Connection, actor: Actor, archive: Archive) -> None:
        ids = self.delete(connection, actor, archive, 5)

        def listed(**page: Any) -> list[str]:
            found = deleted_repository.list_deleted_passages(connection, actor, archive.id, Page(**page))
            return [passage.id for passage in found]

        everything = listed(limit=None)
        assert sorted(everything) == sorted(ids)
        assert listed(limit=2) + listed(limit=3, after=everything[1]) == everything

    def test_others_have_no_part_in_it(
        self, connection: Connection, actor: Actor, new_actor: Callable[[], Actor], archive: Archive
    ) -> None:
        other_actor = new_actor()
        (passage_id,) = self.delete(connection, actor, archive, 1)
        for attempt in (deleted_repository.restore_passage, deleted_repository.forget_passage):
            with pytest.raises(NotFoundError):
                attempt(connection, other_actor, archive.id, passage_id)
        with pytest.raises(NotFoundError):
            deleted_repository.list_deleted_passages(connection, other_actor, archive.id, Page())
