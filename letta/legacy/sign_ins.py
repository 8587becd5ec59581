"""Sign-ins to MCP servers. Their tokens are encrypted anew."""

from hashlib import sha256

from letta.json_types import JsonObject
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, owned
from letta.mcp.sign_in import AUTHORIZED
from letta.mcp.tables import mcp_oauth

_NOWHERE = "http://localhost/"
"""Where a browser would come back to, of sign-ins that don't tell; none does any more."""


def _sign_ins(reading: Reading, rows: list[JsonObject]) -> Rows:
    wanted = {row["server_id"] for row in rows if row["server_id"]}
    servers = {row["id"] for row in reading.related("mcp_server", ("id",), "id", wanted)}
    made = [_sign_in(reading, row) for row in rows if row["server_id"] in servers and row["status"] == AUTHORIZED]
    for row in rows:
        if row["server_id"] not in servers:
            reading.notes.add("Sign-ins to MCP servers that do not exist", row["server_name"])
        elif row["status"] != AUTHORIZED:
            reading.notes.add("Sign-ins to MCP servers that were never completed; sign in again", row["server_name"])
    return [(mcp_oauth, made)]


def _sign_in(reading: Reading, row: JsonObject) -> JsonObject:
    opened = {
        name: reading.secret(f"{name} of MCP server {row['server_name']}", row[f"{name}_enc"], row[name]) or None
        for name in ("access_token", "refresh_token", "client_secret")
    }
    if not row["client_id"]:  # without which nobody renews a token
        opened["refresh_token"] = None
    values = owned(row)
    redirect_uri = row["redirect_uri"] or _NOWHERE
    same = {name: row[name] for name in ("server_id", "server_name", "server_url", "scope")}
    return (
        values
        | same
        | opened
        | {
            "created_by_id": row["user_id"] or values["created_by_id"],
            "state": sha256(row["state"].encode()).hexdigest(),
            "status": AUTHORIZED,
            "expires_at": values["updated_at"],
            "redirect_uri": redirect_uri,
            "client": _client(row, redirect_uri),
            "metadata": {},
            "token_expires_at": row["expires_at"],
        }
    )


def _client(row: JsonObject, redirect_uri: str) -> JsonObject:
    """How the former server was registered, as far as it kept that."""
    if not row["client_id"]:
        return {}
    has_secret = row["client_secret_enc"] or row["client_secret"]
    method = "client_secret_post" if has_secret else "none"
    return {"client_id": row["client_id"], "redirect_uris": [redirect_uri], "token_endpoint_auth_method": method}


SIGN_INS = Section(
    "sign-ins to MCP servers",
    Table(
        "mcp_oauth",
        (
            *("id", "state", "status", "server_id", "server_name", "server_url", "scope", "client_id", "redirect_uri"),
            *("access_token", "access_token_enc", "refresh_token", "refresh_token_enc"),
            *("client_secret", "client_secret_enc", "expires_at", "user_id", *AUDIT),
        ),
    ),
    _sign_ins,
    derived={"mcp_oauth": ("metadata",)},
)
