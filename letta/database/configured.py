"""The database that the settings name."""

import os
from pathlib import Path

from letta.database.dsn import Chosen, Dsn, DsnError, DsnKind, choose_dsn, parse_dsn
from letta.database.embedded import default_data_directory
from letta.settings import Settings

_PEM_START = "-----BEGIN "


def data_directory(settings: Settings) -> Path:
    """Where the embedded Postgres keeps its data.

    Raises:
        DataDirectoryError: nothing is set and this user has no home.
    """
    return settings.pg_data or default_data_directory(os.environ)


def configured_dsn(settings: Settings) -> Chosen | None:
    """The connection string in force, or None when the embedded Postgres is meant.

    A certificate authority that is given as text is written below LETTA_DIR, because libpq reads files only.

    Raises:
        DsnError: a setting can't be used, or two of them name different databases.
    """
    authority = settings.pg_sslrootcert
    if authority and authority.strip().startswith(_PEM_START):
        authority = str(_write_authority(authority, settings.letta_dir / "cache"))
    values = {
        "LETTA_PG_URI": settings.pg_uri and settings.pg_uri.get_secret_value(),
        "DATABASE_URL": settings.database_url and settings.database_url.get_secret_value(),
        "LETTA_PG_HOST": settings.pg_host,
        "LETTA_PG_PORT": settings.pg_port and str(settings.pg_port),
        "LETTA_PG_USER": settings.pg_user,
        "LETTA_PG_PASSWORD": settings.pg_password and settings.pg_password.get_secret_value(),
        "LETTA_PG_DB": settings.pg_db,
    }
    return choose_dsn({name: str(value) for name, value in values.items() if value}, sslrootcert=authority)


def maintenance_dsn(settings: Settings, dsn: Dsn) -> Dsn:
    """The way to the same database that leads to a session: LETTA_PG_MAINTENANCE_URI, else found from its own.

    Raises:
        DsnError: the setting can't be used.
    """
    stated = settings.pg_maintenance_uri
    if stated is None:
        return dsn.maintenance_dsn()
    return parse_dsn(stated.get_secret_value(), setting="LETTA_PG_MAINTENANCE_URI")


def quota_mb(settings: Settings, dsn: Dsn | None) -> int | None:
    """How large the database may get, if that is limited. The default is Supabase Free's, and counts there alone."""
    on_supabase = dsn is not None and dsn.kind is not DsnKind.OTHER
    return settings.db_quota_mb if on_supabase or "db_quota_mb" in settings.model_fields_set else None


def _write_authority(pem: str, directory: Path) -> Path:
    # Hosts' forms for environment variables often turn line ends into the two characters \n.
    text = pem.strip().replace("\\n", "\n") + "\n"
    path = directory / "database-ca.pem"
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        draft.write_text(text)
        draft.replace(path)  # in one go, as another instance may be reading it
    except OSError as error:
        raise DsnError(
            f"The certificate in LETTA_PG_SSLROOTCERT can't be written to {path}: {error.strerror}. Set LETTA_DIR to a "
            "writable directory, or LETTA_PG_SSLROOTCERT to the path of a file."
        ) from error
    return path
