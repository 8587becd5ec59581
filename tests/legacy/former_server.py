"""A database as the former server leaves it: its tables, made from the facts in tables.txt, and rows of one's own."""

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from psycopg2 import sql
from psycopg2.extensions import connection as PgConnection
from psycopg2.extras import execute_values

from tests.legacy.older import lacks

TABLES = Path(__file__).with_name("tables.txt")
REVISION = "1c28e167b74f"
ORGANIZATION = "org-00000000-0000-4000-8000-000000000000"
USER = "user-00000000-0000-4000-8000-000000000000"
DIMENSIONS = 4096
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

_ENUMERATIONS = {
    "sandboxtype": ("E2B", "MODAL", "LOCAL"),
    "stepstatus": ("PENDING", "SUCCESS", "FAILED", "CANCELLED"),
    "vectordbprovider": ("NATIVE", "TPUF", "PINECONE"),
}
_KINDS = {
    "": "varchar",
    "{}": "json",
    "?": "boolean",
    "@": "timestamptz",
    "~": "timestamp",
    "#": "bigint",
    "%": f"vector({DIMENSIONS})",
}
_COMMON = ("created_at@", "updated_at@", "is_deleted?", "_created_by_id", "_last_updated_by_id")
_OF_EACH = {
    "created_at": NOON,
    "updated_at": NOON,
    "is_deleted": False,
    "_created_by_id": USER,
    "_last_updated_by_id": USER,
}

Row = Mapping[str, Any]


def columns_of_tables() -> dict[str, dict[str, str]]:
    """All tables with their columns and these columns' kinds."""
    text = "\n".join(line for line in TABLES.read_text().splitlines() if not line.startswith("#"))
    found = {}
    for name, words in re.findall(r"^(\w+):\n((?:  .*\n?)+)", text, re.MULTILINE):
        listed = words.split()
        if listed[-1] == "+":
            listed = [*listed[:-1], *_COMMON]
        found[name] = dict(re.findall(r"^(\w+)(.*)$", word)[0] for word in listed)
    return found


@contextmanager
def former_server(uri: str, schema: str, revision: str = REVISION) -> Iterator["FormerServer"]:
    """Its tables, empty, as a version made them, in a new schema that goes afterwards."""
    with closing(psycopg2.connect(uri)) as connection:
        made = FormerServer(connection, schema, revision)
        made.create()
        try:
            yield made
        finally:
            connection.rollback()
            with connection, connection.cursor() as cursor:
                cursor.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


class FormerServer:
    """Writes rows into the tables, as the former server would."""

    def __init__(self, connection: PgConnection, schema: str, revision: str) -> None:
        self._connection = connection
        self._revision = revision
        self._lacks = lacks(revision)
        self.schema = schema
        self.tables = {
            table: {column: kind for column, kind in columns.items() if f"{table}.{column}" not in self._lacks}
            for table, columns in columns_of_tables().items()
            if table not in self._lacks
        }

    def create(self) -> None:
        """Make the tables."""
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute("SELECT to_regtype('vector') IS NULL")
            if cursor.fetchone()[0]:  # type: ignore[index]
                cursor.execute("CREATE EXTENSION vector WITH SCHEMA public")
            cursor.execute(f'CREATE SCHEMA "{self.schema}"')
            cursor.execute(f'SET LOCAL search_path TO "{self.schema}", public, extensions')
            for name, values in _ENUMERATIONS.items():
                cursor.execute(f"CREATE TYPE {name} AS ENUM %s", (values,))
            cursor.execute("CREATE SEQUENCE message_seq_id")
            for name, columns in self.tables.items():
                listed = ", ".join(_column(name, column, kind) for column, kind in columns.items())
                cursor.execute(f'CREATE TABLE "{name}" ({listed})')
            cursor.execute("CREATE INDEX ON messages (step_id)")
            cursor.execute("INSERT INTO alembic_version VALUES (%s)", (self._revision,))

    def add(self, table: str, *rows: Row) -> None:
        """Store rows, but for what this version has no place for.

        JSON is given as Python values, or as text where it has to be just so.
        """
        if table in self._lacks:
            return
        known = self.tables[table]
        names = [name for name in dict.fromkeys(n for row in rows for n in row) if f"{table}.{name}" not in self._lacks]
        names += [name for name in _OF_EACH if name in known and name not in names]
        if "organization_id" in known and "organization_id" not in names:
            names.append("organization_id")
        defaults = _OF_EACH | {"organization_id": ORGANIZATION}
        values = [[_written(known[name], row.get(name, defaults.get(name))) for name in names] for row in rows]
        statement = sql.SQL("INSERT INTO {} ({}) VALUES %s").format(
            sql.Identifier(self.schema, table), sql.SQL(", ").join(map(sql.Identifier, names))
        )
        with self._connection, self._connection.cursor() as cursor:
            execute_values(cursor, statement, values, page_size=500)

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run something else; {} stands for the schema."""
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(statement.replace("{}", f'"{self.schema}"'), values)
            return cursor.fetchall() if cursor.description else []

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables, to see that none is changed."""
        return {name: self.execute(f'SELECT t::text FROM {{}}."{name}" AS t ORDER BY 1') for name in self.tables}


def encrypted(secret: str, key: str) -> str:
    """A secret as the former server stored it."""
    salt, iv = os.urandom(16), os.urandom(12)
    derived = PBKDF2HMAC(algorithm=SHA256(), length=32, salt=salt, iterations=100_000).derive(key.encode())
    return base64.b64encode(salt + iv + AESGCM(derived).encrypt(iv, secret.encode(), None)).decode()


def padded(*numbers: float) -> str:
    """A vector as the former server stored it."""
    return f"[{','.join(map(str, [*numbers, *[0] * (DIMENSIONS - len(numbers))]))}]"


def _column(table: str, name: str, kind: str) -> str:
    written = kind[1:] if kind.startswith("!") else _KINDS[kind]
    more = ""
    if name == "id":
        more = " PRIMARY KEY"
    elif name == "is_deleted":
        more = " NOT NULL DEFAULT false"
    elif (table, name) == ("messages", "sequence_id"):
        more = " NOT NULL UNIQUE DEFAULT nextval('message_seq_id')"
    return f'"{name}" {written}{more}'


def _written(kind: str, value: Any) -> Any:
    return json.dumps(value) if kind == "{}" and value is not None and not isinstance(value, str) else value
