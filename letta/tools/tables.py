"""Tools: built-in, custom and those of MCP servers."""

from sqlalchemy import Boolean, Column, Index, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY

from letta.database.base import Json, entity_table

tools = entity_table(
    "tools",
    Column("name", Text, nullable=False),
    Column("tool_type", Text, nullable=False),
    Column("description", Text),
    Column("source_type", Text),
    Column("source_code", Text),
    Column("json_schema", Json, nullable=False),
    Column("args_json_schema", Json),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("return_char_limit", Integer, nullable=False),
    Column("pip_requirements", Json),
    Column("npm_requirements", Json),
    Column("default_requires_approval", Boolean),
    Column("enable_parallel_execution", Boolean, nullable=False, server_default="false"),
    Column("metadata", Json, nullable=False, server_default="{}"),
    Column("project_id", Text),
    UniqueConstraint("organization_id", "name"),
)
Index("ix_tools_organization_id_created_at_id", tools.c.organization_id, tools.c.created_at, tools.c.id)
