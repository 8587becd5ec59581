"""Which relations an answer carries, by client and request."""

import pytest

from letta.agents.parameters import is_current_sdk
from letta.agents.relations import ALL, Relation, wanted_relations


@pytest.mark.parametrize(
    ("version", "user_agent", "current"),
    [
        ("1.12.1", "anything", True),
        (None, None, True),
        (None, "", True),
        ("", "Letta/Python 1.12.1", True),
        (None, "AsyncLetta/Python 1.7.12", True),
        (None, "Letta/JS 1.10.0", True),
        (None, "curl/8.0", False),
        ("", "curl/8.0", False),
        (None, "Letta/Python 0.9.1", False),
        (None, "python-httpx/0.28", False),
    ],
)
def test_current_official_clients_are_recognised(version: str | None, user_agent: str | None, current: bool) -> None:
    assert is_current_sdk(version, user_agent) is current


def test_current_clients_get_what_they_include() -> None:
    assert wanted_relations([], None, current_sdk=True) == frozenset()
    assert wanted_relations([Relation.TAGS], None, current_sdk=True) == {Relation.TAGS}


def test_other_programs_get_everything() -> None:
    assert wanted_relations([], None, current_sdk=False) == ALL


def test_the_deprecated_parameter_narrows() -> None:
    wanted = wanted_relations([], ["memory", "tools", "unheard of"], current_sdk=False)
    assert wanted == {Relation.BLOCKS, Relation.TOOLS}
    assert wanted_relations([], [], current_sdk=False) == frozenset()
