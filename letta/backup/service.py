"""Making a backup, and bringing one back."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import psycopg2
from sqlalchemy import Connection

from letta import __version__
from letta.backup import repository
from letta.backup.manifest import NAME, Manifest, Table, read_manifest
from letta.database.encryption import keyring
from letta.database.engine import Database
from letta.database.migrations import current_revision, known_revisions, migrate
from letta.errors import ConfigurationError
from letta.server import facts_repository

Say = Callable[[str], None]

_TOLD = ("agents", "conversations", "messages", "blocks", "passages", "tools")


def make_backup(database: Database, path: Path, say: Say, *, key_place: str) -> None:
    """Write all that is stored, as it is at one moment, into a new file that only its owner may read.

    `key_place` names what holds the encryption key in force.

    Raises:
        ConfigurationError: there is nothing to back up, or the file can't be made.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists():
            raise ConfigurationError(f"{path} already exists. Choose another name, or move the file away.")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with database.transaction(repository.BEGIN_READING) as connection:
                manifest = _write(connection, file)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except OSError as error:
        raise ConfigurationError(f"The backup can't be written to {path}: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    say(f"{path}: {_summary(manifest)}, {path.stat().st_size / 1e6:.1f} MB.")
    if manifest.key_fingerprint is not None:
        say(f"Also keep a copy of {key_place}, in another place: without it, the secrets in the backup can't be read.")


def restore_backup(database: Database, path: Path, say: Say) -> None:
    """Bring a backup into a database in which nothing is stored yet, and its schema up to date.

    The encryption key in force has to be that of the backup.

    Raises:
        ConfigurationError: it isn't a backup, fits neither this version nor the key, or the database isn't empty.
    """
    try:
        with path.open("rb") as file:
            manifest = read_manifest(file)
            _check(manifest)
            _make_room(database, manifest)
            with database.transaction(repository.BEGIN_WRITING) as connection:
                _read(connection, file, manifest)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}.") from error
    migrate(database)
    database.run_sync(repository.forget_vector_indexes)
    say(f"Restored: {_summary(manifest)}, backed up at {manifest.made_at}.")


def _write(connection: Connection, file: IO[bytes]) -> Manifest:
    revision = current_revision(connection)
    if revision is None:
        raise ConfigurationError(
            "This database is still empty, so there is nothing to back up. Check LETTA_PG_URI and LETTA_PG_SCHEMA."
        )
    found = repository.tables(connection)
    repository.keep_as_they_are(connection, found)
    copied: list[Table] = []
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        for table in found:
            with zipped.open(table.entry, "w", force_zip64=True) as entry:
                copied.append(repository.copy_out(connection, table, entry))
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        fingerprint = facts_repository.known_fingerprint(connection)
        manifest = Manifest(__version__, revision, made_at, fingerprint, copied)
        zipped.writestr(NAME, manifest.written())
    return manifest


def _check(manifest: Manifest) -> None:
    if manifest.revision not in known_revisions():
        raise ConfigurationError(
            f"The backup was made by version {manifest.version}, whose schema ({manifest.revision}) is unknown to this "
            "version. Install that version, or a newer one, to restore the backup."
        )
    if manifest.key_fingerprint not in {None, keyring.fingerprint}:
        problem = "is not set" if keyring.fingerprint is None else "is a different key"
        raise ConfigurationError(
            f"LETTA_ENCRYPTION_KEY {problem}; the secrets in the backup were encrypted with the key in use at the "
            "time. Set it to that key (for an embedded database, it is in the file encryption-key in the data "
            "directory). Nothing was changed."
        )


def _make_room(database: Database, manifest: Manifest) -> None:
    """A schema of the backup's own revision, with nothing in it."""
    from letta.database.migrations.upgrade import upgrade

    if database.run_sync(current_revision) is not None:
        held = database.run_sync(repository.holds_anything)
        if held is not None:
            raise ConfigurationError(
                f"This database already contains data (in {held}). Restore into an empty database, or set "
                "LETTA_PG_SCHEMA to a new name. Nothing was changed."
            )
        database.run_sync(repository.drop_schema)
    upgrade(database, manifest.revision)


def _read(connection: Connection, file: IO[bytes], manifest: Manifest) -> None:
    """All tables, or none: whatever goes wrong undoes the transaction."""
    repository.empty(connection, manifest.tables)
    try:
        with ZipFile(file) as zipped:
            for table in manifest.tables:
                with zipped.open(table.entry) as entry:
                    rows = repository.copy_in(connection, table, entry)
                if rows != table.rows:
                    raise ConfigurationError(
                        f"The backup is damaged: only {rows} rows of {table.name} are left. Use another backup."
                    )
    except (BadZipFile, EOFError, psycopg2.DataError, psycopg2.errors.QueryCanceled) as error:
        raise ConfigurationError("The backup is damaged and can't be restored. Nothing was changed.") from error


def _summary(manifest: Manifest) -> str:
    counts = {table.name: table.rows for table in manifest.tables}
    return ", ".join(f"{counts.get(name, 0)} {name}" for name in _TOLD)
