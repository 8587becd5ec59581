"""Schemas that go with the test that used them."""

from contextlib import closing

import psycopg2
import pytest

from letta.testing.postgres import drop_schema, throwaway_schema


def schemas(uri: str) -> set[str]:
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace")
        return {name for (name,) in cursor.fetchall()}


def create(uri: str, schema: str) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.agents (id text)")


def test_the_schema_is_dropped_with_all_that_is_in_it(postgres_uri: str) -> None:
    with throwaway_schema(postgres_uri) as one, throwaway_schema(postgres_uri) as other:
        assert one != other
        assert not {one, other} & schemas(postgres_uri)
        create(postgres_uri, one)
        assert one in schemas(postgres_uri)
    assert one not in schemas(postgres_uri)


def test_it_is_dropped_when_the_test_fails(postgres_uri: str) -> None:
    with pytest.raises(psycopg2.errors.DuplicateSchema), throwaway_schema(postgres_uri) as schema:
        _create_twice(postgres_uri, schema)
    assert schema not in schemas(postgres_uri)


def _create_twice(uri: str, schema: str) -> None:
    create(uri, schema)
    create(uri, schema)


def test_no_other_schema_is_ever_dropped(postgres_uri: str) -> None:
    with pytest.raises(ValueError, match="public isn't a throw-away schema"):
        drop_schema(postgres_uri, "public")
