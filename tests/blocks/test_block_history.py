"""Every edit of a block: who made it, what it changed, and the way back."""

from typing import Any

import httpx2
import pytest

from letta.blocks.history import diff
from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.talking import AgentTalk

pytestmark = [pytest.mark.slow, pytest.mark.database]

Json = dict[str, Any]


@pytest.fixture
def block(http: httpx2.Client) -> Json:
    body = {"label": "human", "value": "Name: Ada\nLikes tea", "limit": 100}
    made: Json = http.post("/v1/blocks", json=body).raise_for_status().json()
    return made


def edit(http: httpx2.Client, block: Json, **changes: Any) -> None:
    http.patch(f"/v1/blocks/{block['id']}", json=changes).raise_for_status()


def history(http: httpx2.Client, block: Json, **query: Any) -> list[Json]:
    listed: list[Json] = http.get(f"/v1/blocks/{block['id']}/history", params=query).raise_for_status().json()
    return listed


def revert(http: httpx2.Client, block: Json, version: int, **body: Any) -> httpx2.Response:
    return http.post(f"/v1/blocks/{block['id']}/revert", json={"version": version} | body)


def test_edits_are_listed_with_what_they_changed(http: httpx2.Client, block: Json) -> None:
    edit(http, block, value="Name: Ada\nLikes rum")
    edit(http, block, description="About the human")
    newest, rum, first = history(http, block)
    assert [newest["version"], rum["version"], first["version"]] == [3, 2, 1]
    assert rum["diff"] == "@@ -1,2 +1,2 @@\n Name: Ada\n-Likes tea\n+Likes rum"
    assert (newest["diff"], newest["description"]) == ("", "About the human")
    assert first["diff"] == "@@ -0,0 +1,2 @@\n+Name: Ada\n+Likes tea"
    assert {version["author_type"] for version in (newest, rum, first)} == {"user"}
    assert first["created_at"] <= rum["created_at"] <= newest["created_at"]
    assert http.get(f"/v1/blocks/{block['id']}/history/2").json() == rum


def test_an_agent_signs_its_edits_with_its_run(http: httpx2.Client, block: Json, model: ScriptedModel) -> None:
    talk = AgentTalk(http, block_ids=[block["id"]], tools=["memory_insert"])
    call = Call("memory_insert", {"label": "human", "new_string": "Has a cat"})
    talk.say(model.script(Reply(calls=[call]), Reply("Noted.")).say("I have a cat."))
    newest = history(http, block)[0]
    (run,) = http.get("/v1/runs", params={"agent_id": talk.id}).json()
    assert (newest["author_type"], newest["author_id"], newest["run_id"]) == ("agent", talk.id, run["id"])
    assert newest["diff"].endswith("+Has a cat")


def test_pages_go_both_ways(http: httpx2.Client, block: Json) -> None:
    for number in range(4):
        edit(http, block, value=str(number))

    def versions(**query: Any) -> list[int]:
        return [version["version"] for version in history(http, block, **query)]

    assert versions(limit=2) == [5, 4]
    assert versions(limit=2, after=4) == [3, 2]
    assert versions(before=4) == [5]
    assert versions(order="asc", after=3) == [4, 5]
    assert versions(order="asc", before=3) == [1, 2]
    assert history(http, block, limit=1, after=2)[0]["diff"].endswith("+Likes tea")


def test_versions_are_compared(http: httpx2.Client, block: Json) -> None:
    edit(http, block, value="Name: Ada\nLikes rum")
    edit(http, block, value="Name: Bob\nLikes rum")
    compared = http.get(f"/v1/blocks/{block['id']}/history/1/compare/3").json()
    assert compared["diff"] == "@@ -1,2 +1,2 @@\n-Name: Ada\n-Likes tea\n+Name: Bob\n+Likes rum"
    assert (compared["value"], compared["other_value"]) == ("Name: Ada\nLikes tea", "Name: Bob\nLikes rum")
    back = http.get(f"/v1/blocks/{block['id']}/history/3/compare/1").json()
    assert back["diff"].endswith("+Name: Ada\n+Likes tea")


def test_a_block_goes_back_by_one_more_edit(http: httpx2.Client, block: Json) -> None:
    edit(http, block, value="x" * 200, limit=300, description="Long", tags=["kept"], read_only=True)
    reverted = revert(http, block, 1).json()
    assert (reverted["value"], reverted["limit"], reverted["description"]) == (block["value"], 100, None)
    assert (reverted["tags"], reverted["read_only"]) == (["kept"], True)
    assert [version["version"] for version in history(http, block)] == [3, 2, 1]
    assert revert(http, block, 2).json()["value"] == "x" * 200


def test_an_edit_that_nobody_saw_is_not_reverted_unseen(http: httpx2.Client, block: Json) -> None:
    edit(http, block, value="an agent's")
    refused = revert(http, block, 1, current_version=1)
    assert refused.status_code == 409
    assert "is now at version 2, not 1" in refused.json()["detail"]
    assert revert(http, block, 1, current_version=2).status_code == 200


def test_a_label_that_is_taken_by_now_is_not_taken_again(http: httpx2.Client, block: Json) -> None:
    edit(http, block, label="person")
    AgentTalk(http, block_ids=[block["id"]], memory_blocks=[{"label": "human", "value": ""}])
    refused = revert(http, block, 1)
    assert refused.status_code == 409
    assert "human" in refused.json()["detail"]
    assert http.get(f"/v1/blocks/{block['id']}").json()["label"] == "person"


def test_what_does_not_exist(http: httpx2.Client, block: Json) -> None:
    unknown = {"id": "block-00000000-0000-4000-8000-0000000000aa"}
    for path in ("history", "history/1", "history/1/compare/1"):
        assert http.get(f"/v1/blocks/{unknown['id']}/{path}").status_code == 404
    assert revert(http, unknown, 1).status_code == 404
    for response in (
        http.get(f"/v1/blocks/{block['id']}/history/7"),
        http.get(f"/v1/blocks/{block['id']}/history/1/compare/7"),
        revert(http, block, 7),
    ):
        assert response.status_code == 404
        assert "has no version 7" in response.json()["detail"]
    assert http.get(f"/v1/blocks/{block['id']}/history/0").status_code == 422
    assert len(history(http, block)) == 1


def test_a_difference_has_no_lines_where_there_is_none() -> None:
    assert diff("a\nb", "a\nb") == ""
    assert diff("", "") == ""
