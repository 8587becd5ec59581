"""Every operation says what it asks of a key."""

import pytest

from letta.access.grants import Access, Grants, of_policy, of_scopes
from letta.access.operations import RULES
from letta.http.app import create_app
from letta.http.auth import OPEN_PATHS
from letta.settings import Settings
from tests.access.password_only import PASSWORD_ONLY

UNDESCRIBED = {"POST /mcp"}
"""Operations of another protocol, which describes its own."""
AGENT, OTHER = "agent-1", "agent-2"


def described() -> set[str]:
    paths = create_app(Settings()).openapi()["paths"]
    return {f"{verb.upper()} {path}" for path, item in paths.items() for verb in item if path not in OPEN_PATHS}


def test_every_operation_is_classified() -> None:
    """Add a new one to the group in `letta/access/operations.py` whose access it asks for, or to `password_only.py`."""
    assert described() - RULES.keys() - PASSWORD_ONLY == set()


def test_nothing_else_is_classified() -> None:
    assert (RULES.keys() | PASSWORD_ONLY) - described() == UNDESCRIBED
    assert RULES.keys() & PASSWORD_ONLY == set()


def test_what_names_no_agent_in_its_path_says_where_it_does() -> None:
    unclear = [
        name
        for name, rule in RULES.items()
        if rule.needs and rule.is_of_agents and "_id}" not in name and not rule.selectors and not rule.is_own
    ]
    assert unclear == []


def test_reading_changes_nothing() -> None:
    """What is asked for with another verb and counts as reading is searching, exporting, or following a stream."""
    reading = of_scopes(["read"], None).everywhere
    verbs = {
        name for name, rule in RULES.items() if rule.needs and rule.needs <= reading and not name.startswith("GET ")
    }
    assert all(
        name.endswith(("/search", "/export", "/stream", "/preview-raw-payload", "/generate-schema")) for name in verbs
    )
    changing = {name for name, rule in RULES.items() if not rule.needs <= reading and name.startswith("GET ")}
    assert changing == {
        "GET /v1/api-keys",
        "GET /v1/api-keys/{key_id}",
        "GET /v1/client-side-access-tokens",
        "GET /v1/mcp-servers/connect/{mcp_server_id}",
        "GET /v1/providers",
        "GET /v1/providers/{provider_id}",
    }


def test_each_scope_includes_those_before_it() -> None:
    opened = [of_scopes([scope], None).everywhere for scope in ("read", "write", "admin")]
    assert opened[0] < opened[1] < opened[2] == frozenset(Access)


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (of_scopes(["admin"], None), of_scopes(["admin"], None), True),
        (of_scopes(["write"], None), of_scopes(["admin"], None), False),
        (of_scopes(["write"], None), of_scopes(["read"], [AGENT]), True),
        (of_scopes(["read"], None), of_scopes(["write"], [AGENT]), False),
        (of_scopes(["write"], [AGENT]), of_scopes(["read"], None), False),
        (of_scopes(["write"], [AGENT]), of_scopes(["write"], [AGENT, OTHER]), False),
        (of_scopes(["read"], [AGENT]), of_policy([{"id": AGENT, "access": ["read_agent"]}]), True),
        (of_scopes(["read"], [AGENT]), of_policy([{"id": AGENT, "access": ["write_agent"]}]), False),
        (of_policy([{"id": AGENT, "access": ["read_agent"]}]), Grants(), True),
    ],
)
def test_what_a_key_may_give(one: Grants, other: Grants, covers: bool) -> None:
    assert one.cover(other) is covers


def test_entries_of_a_policy_for_one_agent_add_up() -> None:
    policy = [{"id": AGENT, "access": ["read_agent"]}, {"id": AGENT, "access": ["read_messages"]}]
    assert of_policy(policy) == of_scopes(["read"], [AGENT])
