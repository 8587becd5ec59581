"""MCP servers and sign-ins to them. What may be secret is encrypted; objects are kept as JSON in it."""

from sqlalchemy import Column, Integer, Text, UniqueConstraint

from letta.database.base import Json, entity_table, reference, timestamp
from letta.database.encryption import EncryptedText

mcp_servers = entity_table(
    "mcp_servers",
    Column("server_name", Text, nullable=False),
    Column("server_type", Text, nullable=False),
    Column("server_url", Text),
    Column("auth_header", Text),
    Column("auth_token", EncryptedText("mcp_servers.auth_token")),
    Column("custom_headers", EncryptedText("mcp_servers.custom_headers")),
    Column("command", Text),
    Column("args", Json),
    Column("env", EncryptedText("mcp_servers.env")),
    UniqueConstraint("organization_id", "server_name"),
)

mcp_oauth = entity_table(
    "mcp_oauth",
    reference("server_id", "mcp_servers", index=True),
    Column("server_name", Text, nullable=False),
    Column("server_url", Text, nullable=False),
    Column("state", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("problem", Text),
    timestamp("expires_at", nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_verifier", EncryptedText("mcp_oauth.code_verifier")),
    Column("client", Json, nullable=False),
    Column("client_secret", EncryptedText("mcp_oauth.client_secret")),
    Column("metadata", Json, nullable=False),
    Column("access_token", EncryptedText("mcp_oauth.access_token")),
    Column("refresh_token", EncryptedText("mcp_oauth.refresh_token")),
    Column("scope", Text),
    timestamp("token_expires_at"),
    timestamp("refreshing_until"),
    Column("renewals", Integer, nullable=False, server_default="0"),
)
"""A row for each attempt to sign in; the one that succeeded holds the tokens. ``expires_at`` is the attempt's."""
