"""Identities of several organizations, and at how many statements they are read."""

from collections.abc import Callable

import pytest

from letta.database.engine import Database
from letta.database.pagination import Page
from letta.errors import NotFoundError
from letta.identities import repository
from letta.identities.repository import IdentityFilter
from letta.organizations.actor import Actor

VALUES = {"identifier_key": "k", "name": "n", "identity_type": "user"}


def test_organizations_know_nothing_of_each_other(database: Database, new_actor: Callable[[], Actor]) -> None:
    one, other = new_actor(), new_actor()
    made = database.run_sync(repository.insert_identity, one, VALUES)
    assert database.run_sync(repository.insert_identity, other, VALUES) != made
    assert database.run_sync(repository.count_identities, other) == 1
    for function, *values in (
        (repository.get_identity, made),
        (repository.update_identity, made, {"name": "x"}),
        (repository.delete_identity, made),
        (repository.require_identities, [made]),
    ):
        with pytest.raises(NotFoundError):
            database.run_sync(function, other, *values)
    assert database.run_sync(repository.get_identity, one, made).name == "n"


def test_a_list_takes_as_many_statements_as_it_likes_rows(
    database: Database, actor: Actor, statements: list[str]
) -> None:
    for number in range(20):
        database.run_sync(repository.insert_identity, actor, VALUES | {"identifier_key": str(number)})
    counts = []
    for limit in (1, 20):
        statements.clear()
        assert len(database.run_sync(repository.list_identities, actor, IdentityFilter(), Page(limit=limit))) == limit
        counts.append(len([statement for statement in statements if statement.startswith("SELECT")]))
    assert counts[0] == counts[1]
