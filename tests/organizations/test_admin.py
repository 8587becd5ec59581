"""Organizations and users, as whoever runs the server handles them."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from letta.agents.tables import agents
from letta.constants import DEFAULT_ORGANIZATION_ID, DEFAULT_USER_ID
from letta.database.all_tables import metadata
from letta.database.engine import Database
from letta.organizations import repository, service
from letta.organizations.organization import Organization
from letta.organizations.schemas import CreateOrganization, UpdateOrganization, UpdateUser
from letta.tools.registry import BUILTIN_TOOLS
from letta.tools.service import ensure_builtin_tools_everywhere
from letta.tools.tables import tools
from tests.hostile.things import things

Json = dict[str, Any]
NOBODY = "user-00000000-0000-4000-8000-000000000001"


@pytest.fixture
def organization(database: Database) -> Organization:
    return database.run_sync(service.create_organization, CreateOrganization(name="two"))


def builtin_tools(database: Database, organization_id: str) -> int:
    query = select(func.count()).select_from(tools).where(tools.c.organization_id == organization_id)
    return database.run_sync(lambda connection: connection.scalar(query)) or 0


def test_an_organization_begins_with_the_builtin_tools(database: Database, organization: Organization) -> None:
    assert builtin_tools(database, organization.id) == len(BUILTIN_TOOLS)


def test_a_start_brings_new_builtin_tools_to_all(
    database: Database, organization: Organization, statements: list[str]
) -> None:
    def forget(connection: Any) -> None:
        condition = (tools.c.organization_id == organization.id, tools.c.name == BUILTIN_TOOLS[0].name)
        connection.execute(tools.delete().where(*condition))

    database.run_sync(forget)
    database.run_sync(ensure_builtin_tools_everywhere)
    assert builtin_tools(database, organization.id) == len(BUILTIN_TOOLS)
    statements.clear()
    database.run_sync(ensure_builtin_tools_everywhere)
    assert len(statements) == 2, "one query, however many organizations there are"


def test_nothing_given_changes_nothing(database: Database, organization: Organization) -> None:
    same = database.run_sync(service.update_organization, organization.id, UpdateOrganization(name=None))
    assert same == organization
    user = database.run_sync(repository.insert_user, "ada", organization.id)
    changed = database.run_sync(service.update_user, UpdateUser(id=user.id))
    assert (changed.name, changed.organization_id) == ("ada", organization.id)
    assert changed.updated_at > user.updated_at


slow = pytest.mark.slow


@pytest.fixture
def made(http: httpx2.Client) -> Callable[..., Json]:
    def make(path: str, **body: Any) -> Json:
        answer: Json = http.post(f"/v1/admin/{path}", json=body).raise_for_status().json()
        return answer

    return make


@slow
def test_what_upstream_answers(made: Callable[..., Json], http: httpx2.Client) -> None:
    organization = made("orgs/", name="org two")
    assert organization.keys() == {"id", "name", "created_at", "privileged_tools"}
    user = made("users/", name="u", organization_id=organization["id"])
    assert user.keys() == {"id", "organization_id", "name", "created_at", "updated_at", "is_deleted"}
    assert (user["organization_id"], user["is_deleted"]) == (organization["id"], False)

    changed = http.patch("/v1/admin/orgs", params={"org_id": organization["id"]}, json={"name": "org 2"}).json()
    assert changed == organization | {"name": "org 2"}
    renamed = http.put("/v1/admin/users/", json={"id": user["id"], "name": "v"}).json()
    assert (renamed["name"], renamed["organization_id"]) == ("v", organization["id"])

    gone = http.delete("/v1/admin/users", params={"user_id": user["id"]}).json()
    assert (gone["id"], gone["is_deleted"]) == (user["id"], True)
    assert http.delete("/v1/admin/users", params={"user_id": user["id"]}).status_code == 404


@slow
def test_lists_are_paged(made: Callable[..., Json], http: httpx2.Client) -> None:
    ids = [made("orgs", name=None)["id"] for _ in range(3)]
    first = http.get("/v1/admin/orgs", params={"after": ids[0], "limit": 1}).json()
    rest = http.get("/v1/admin/orgs", params={"after": first[0]["id"]}).json()
    assert [each["id"] for each in first + rest][:2] == ids[1:]
    users = http.get("/v1/admin/users", params={"limit": 1}).json()
    assert users[0]["id"] == DEFAULT_USER_ID


@slow
def test_an_organization_is_deleted_with_all_it_owns(
    made: Callable[..., Json], http: httpx2.Client, server: Any
) -> None:
    organization = made("orgs", name="short-lived")["id"]
    headers = {"user_id": made("users", name="u", organization_id=organization)["id"]}
    with httpx2.Client(base_url=server.url, timeout=60, headers=headers, trust_env=False) as theirs:
        agent = things(theirs)["agent_id"]
        assert http.delete("/v1/admin/orgs", params={"org_id": organization}).json()["id"] == organization
        assert theirs.get(f"/v1/agents/{agent}").status_code == 404
    listed = [each["organization_id"] for each in http.get("/v1/admin/users", params={"limit": 1000}).json()]
    assert organization not in listed


def test_every_table_goes_with_its_organization() -> None:
    """Those without the column hang on rows that have it."""
    besides = {"organizations", "server_facts"}
    for table in metadata.tables.values():
        owners = {key.column.table.name for key in table.foreign_keys if key.ondelete == "CASCADE"}
        assert table.name in besides or owners, table.name
    assert agents.c.organization_id.foreign_keys


@slow
@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "words"),
    [
        ("DELETE", "orgs", {"params": {"org_id": DEFAULT_ORGANIZATION_ID}}, 409, "default organization"),
        ("DELETE", "orgs", {"params": {"org_id": "org-x"}}, 404, "org-x"),
        ("PATCH", "orgs", {"params": {"org_id": "org-x"}, "json": {"name": "y"}}, 404, "org-x"),
        ("PATCH", "orgs", {"params": {"org_id": "org-x"}, "json": {}}, 404, "org-x"),
        ("POST", "orgs", {"json": {"name": ""}}, 422, "name"),
        ("POST", "users", {"json": {"name": "x", "organization_id": "org-x"}}, 404, "org-x"),
        ("POST", "users", {"json": {"name": "x"}}, 422, "organization_id"),
        ("PUT", "users", {"json": {"id": "user-x", "name": "y"}}, 422, "id"),
        ("PUT", "users", {"json": {"id": NOBODY, "name": "y"}}, 404, NOBODY),
        ("PUT", "users", {"json": {"id": DEFAULT_USER_ID, "organization_id": "org-x"}}, 409, "default user"),
        ("DELETE", "users", {"params": {"user_id": DEFAULT_USER_ID}}, 409, "default user"),
        ("DELETE", "users", {"params": {"user_id": "user-x"}}, 422, "user_id"),
    ],
)
def test_bad_input(http: httpx2.Client, method: str, path: str, request_: Json, status: int, words: str) -> None:
    answer = http.request(method, f"/v1/admin/{path}", **request_)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


@slow
def test_a_user_can_be_moved(made: Callable[..., Json], http: httpx2.Client) -> None:
    one, two = made("orgs", name="one")["id"], made("orgs", name="two")["id"]
    user = made("users", name="u", organization_id=one)["id"]
    headers = {"user_id": user}
    block = http.post("/v1/blocks", json={"label": "a", "value": "b"}, headers=headers).json()["id"]
    moved = http.put("/v1/admin/users", json={"id": user, "organization_id": two}).json()
    assert moved["organization_id"] == two
    assert http.get(f"/v1/blocks/{block}", headers=headers).status_code == 404
    unknown = http.put("/v1/admin/users", json={"id": user, "organization_id": "org-x"})
    assert unknown.status_code == 404
