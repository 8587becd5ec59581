"""Alembic's entry point: migrates on the connection that `letta.database.migrations.upgrade` hands over."""

from alembic import context

from letta.database.all_tables import metadata
from letta.database.base import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
