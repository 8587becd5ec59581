"""Whether the key opens all secrets, found out before anything is brought over."""

from sqlalchemy import Connection

from letta.legacy import source_repository
from letta.legacy.notes import Notes
from letta.legacy.reading import Facts, Reading
from letta.legacy.secrets import SecretLockedError
from letta.legacy.upstream import Shape
from letta.llm.provider import BASE

_SECRETS = {
    "agent_environment_variables": ("key", ("value",)),
    "sandbox_environment_variables": ("key", ("value",)),
    "mcp_server": ("server_name", ("token", "custom_headers")),
    "mcp_oauth": ("server_name", ("access_token", "refresh_token", "client_secret")),
    "providers": ("name", ("api_key", "access_key")),
}
"""Where secrets are: a column that tells which, and those that hold them; each has a twin that is encrypted."""


def check_key(connection: Connection, facts: Facts) -> None:
    """Find out whether the key fits before anything is changed.

    Raises:
        SecretLockedError: some secrets can't be opened, and aren't to be left out.
    """
    reading = Reading(connection, facts, Notes())
    locked = [place for table in _SECRETS for place in _locked(reading, facts.shape, table)]
    if locked:
        more = f" and {len(locked) - 5} more" if len(locked) > 5 else ""
        raise SecretLockedError(
            f"LETTA_LEGACY_ENCRYPTION_KEY {'is not the right key' if facts.secrets.has_key else 'is not set'}, so some "
            f"secrets can't be decrypted: {', '.join(locked[:5])}{more}. Set it to the LETTA_ENCRYPTION_KEY of the "
            "former server. If that key is lost, import without these secrets by --leave-locked-secrets, and enter "
            "them again. Nothing was imported."
        )


def _locked(reading: Reading, shape: Shape, table: str) -> list[str]:
    name, columns = _SECRETS[table]
    sealed = [f"{column}_enc" for column in columns]
    locked = []
    told = [name, "organization_id", "provider_category", *sealed]
    for row in source_repository.everything(reading.connection, shape, table, told):
        if row["organization_id"] is None or row["provider_category"] == BASE:  # of the environment: not brought over
            continue
        try:
            for column in sealed:
                reading.secret(f"{table} {row[name]}", row[column])
        except SecretLockedError:
            locked.append(f"{row[name]} ({table})")
    return locked
