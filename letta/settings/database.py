"""Where data are kept."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from letta.settings.kinds import Secret, SettingsGroup, Text, env, lower


def _expanded(value: Path | None) -> Path | None:
    """With the home directory that a shell has left as ``~``, because it was quoted."""
    try:
        return value and value.expanduser()
    except RuntimeError as error:
        raise ValueError("the home directory that ~ stands for is unknown") from error


class DatabaseSettings(SettingsGroup):
    """Database"""

    pg_uri: Secret = Field(
        None,
        validation_alias=env("LETTA_PG_URI"),
        description="Postgres connection string. Takes precedence over all other forms.",
    )
    database_url: Secret = Field(
        None,
        validation_alias=env("DATABASE_URL"),
        description="Connection string under the name that many hosts set.",
    )
    pg_host: Text = Field(None, validation_alias=env("LETTA_PG_HOST"), description="Database host, when no URI is set.")
    pg_port: int | None = Field(None, validation_alias=env("LETTA_PG_PORT"), description="Database port (5432).")
    pg_user: Text = Field(None, validation_alias=env("LETTA_PG_USER"), description="Database user.")
    pg_password: Secret = Field(None, validation_alias=env("LETTA_PG_PASSWORD"), description="Database password.")
    pg_db: Text = Field(None, validation_alias=env("LETTA_PG_DB"), description="Database name.")
    pg_schema: str = Field(
        "letta",
        validation_alias=env("LETTA_PG_SCHEMA"),
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="Schema that holds the server's tables. Never `public` on Supabase.",
    )
    pg_sslrootcert: Text = Field(
        None,
        validation_alias=env("LETTA_PG_SSLROOTCERT"),
        description="Certificate authority for sslmode=verify-*: a path, or the PEM text itself.",
    )
    pg_pool_size: int = Field(
        3,
        ge=1,
        le=50,
        validation_alias=env("LETTA_PG_POOL_SIZE"),
        description="Connections kept open per process.",
    )
    pg_max_overflow: int = Field(
        2,
        ge=0,
        le=50,
        validation_alias=env("LETTA_PG_MAX_OVERFLOW"),
        description="Further connections under load.",
    )
    pg_pool_timeout: float = Field(
        10,
        gt=0,
        validation_alias=env("LETTA_PG_POOL_TIMEOUT"),
        description="Seconds to wait for a free connection.",
    )
    pg_maintenance_uri: Secret = Field(
        None,
        validation_alias=env("LETTA_PG_MAINTENANCE_URI"),
        description="Session or direct connection string for building vector indexes.",
    )
    exact_search_rows: int = Field(
        20_000,
        ge=0,
        validation_alias=env("LETTA_EXACT_SEARCH_ROWS"),
        description="Number of vectors up to which an archive is searched exactly, by comparing them all; larger "
        "archives get an index.",
    )
    vector_index_memory_mb: int = Field(
        256,
        ge=64,
        validation_alias=env("LETTA_VECTOR_INDEX_MEMORY_MB"),
        description="Most megabytes of memory that the database may use to build a vector index. An index that does "
        "not fit takes many times as long: 1,000,000 vectors did not fit in 750 MB.",
    )
    pg_data: Annotated[Path | None, AfterValidator(_expanded)] = Field(
        None,
        validation_alias=env("LETTA_PG_DATA"),
        description="Data directory of the embedded Postgres, used when no database is configured.",
    )
    import_legacy: Annotated[Literal["auto", "off"], BeforeValidator(lower)] = Field(
        "off",
        validation_alias=env("LETTA_IMPORT_LEGACY"),
        description="auto: before serving, start_render.sh imports everything that the former upstream server has "
        "stored, if this database is still empty.",
    )
    legacy_pg_uri: Secret = Field(
        None,
        validation_alias=env("LETTA_LEGACY_PG_URI"),
        description="Connection string of the former server's database, if it is another database.",
    )
    legacy_pg_schema: str = Field(
        "public",
        validation_alias=env("LETTA_LEGACY_PG_SCHEMA"),
        min_length=1,
        description="Schema of the former server's tables.",
    )
    db_quota_mb: int = Field(
        500,
        gt=0,
        validation_alias=env("LETTA_DB_QUOTA_MB"),
        description="Size in megabytes at which the database becomes read-only. Unset: 500 on Supabase (the Free "
        "plan), no limit elsewhere. The doctor warns at 80 %, and no index is built that would not fit.",
    )
