"""Parameters that several operations on MCP servers have."""

from typing import Annotated

from fastapi import Query

from letta.database.ids import id_pattern

SecretsOf = Annotated[
    str | None, Query(pattern=id_pattern("agent"), description="Agent whose secrets stand for templates in headers.")
]
