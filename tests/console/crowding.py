"""Many agents at once, put into a server's database as copies of one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from letta.testing.server import ServerProcess

_COPY = """
INSERT INTO {schema}.agents SELECT (jsonb_populate_record(seed, jsonb_build_object(
    'id', 'agent-' || gen_random_uuid(), 'name', 'Agent ' || lpad(n::text, 5, '0'),
    'created_at', (seed).created_at - n * interval '1 second'))).*
FROM (SELECT a AS seed FROM {schema}.agents AS a WHERE a.id = %s) AS s, generate_series(1, %s) AS n
"""
_DELETE = "DELETE FROM {schema}.agents WHERE name ~ '^Agent [0-9]{{5}}$' AND id <> %s"


@contextmanager
def crowded(server: ServerProcess, seed: str, copies: int) -> Iterator[None]:
    """So many agents more, each like the one with this id but for name and time; gone afterwards."""
    _execute(server, _COPY, (seed, copies))
    try:
        yield
    finally:
        _execute(server, _DELETE, (seed,))


def _execute(server: ServerProcess, statement: str, values: tuple[object, ...]) -> None:
    schema = server.environment["LETTA_PG_SCHEMA"]
    with closing(psycopg2.connect(server.environment["LETTA_PG_URI"])) as connection, connection.cursor() as cursor:
        cursor.execute(statement.format(schema=schema), values)
        connection.commit()
