"""The `letta` command."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from letta import __version__
from letta.redaction import remember_settings
from letta.refusal import refusing

with refusing():
    from letta.settings import settings

remember_settings(settings)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode=None,  # plain text, for logs and narrow terminals
    pretty_exceptions_enable=False,  # logs are read line by line
    help="A self-hosted server for stateful AI agents. Without a command it serves. Settings are environment "
    "variables: docs/configuration.md lists them.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _default(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        server()


@app.command()
def server(
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address to listen on (default: the setting HOST).")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            help="Port to listen on; 0 chooses a free one (default: PORT, else LETTA_SERVER_PORT).",
        ),
    ] = None,
    secure: Annotated[
        bool,
        typer.Option("--secure", help="Require a password even on this machine, as LETTA_SERVER_SECURE=true does."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log at level DEBUG, whatever LETTA_LOG_LEVEL says.")] = False,
) -> None:
    """Serve. The database schema is brought up to date first, if needed."""
    overrides = {"host": host, "port": port, "server_secure": secure or None}
    chosen = settings.model_copy(update={name: value for name, value in overrides.items() if value is not None})
    from letta.server.run import serve

    with refusing():
        serve(chosen, debug=debug)


@app.command()
def doctor() -> None:
    """Check the installation and say what to fix. The exit code is 1 if a check failed."""
    from letta.server.examine import examine

    raise typer.Exit(examine(settings))


@app.command()
def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to write, such as letta.zip; it must not exist yet.")
    ],
) -> None:
    """Back up the whole database to a file. The server may keep running."""
    from letta.backup.service import make_backup
    from letta.server.keys import key_place
    from letta.server.startup import opened_database

    with refusing(), opened_database(settings) as (database, embedded):
        make_backup(database, file, typer.echo, key_place=key_place(settings, embedded))


@app.command()
def restore(file: Annotated[Path, typer.Argument(metavar="FILE", help="File made by `letta backup`.")]) -> None:
    """Restore a backup into an empty database. LETTA_ENCRYPTION_KEY must be the key in use when it was made."""
    from letta.backup.service import restore_backup
    from letta.database.encryption import keyring
    from letta.server.keys import present_key
    from letta.server.startup import opened_database

    with refusing(), opened_database(settings) as (database, embedded):
        keyring.load(present_key(settings, embedded))
        restore_backup(database, file, typer.echo)


@app.command()
def migrate() -> None:
    """Bring the database schema up to date."""
    from letta.database.migrations import HEAD
    from letta.log import configure_logging
    from letta.server.preparation import prepare_database
    from letta.server.startup import opened_database

    configure_logging(settings.log_level, log_format=settings.log_format)
    with refusing(), opened_database(settings) as (database, embedded):
        prepare_database(settings, database, embedded)
    typer.echo(f"The schema is at revision {HEAD}.")


@app.command()
def import_legacy(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only read, and report what would be imported; change nothing.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Compare both databases table by table after an import; change nothing. The exit code is 1 if they "
            "differ.",
        ),
    ] = False,
    when_empty: Annotated[
        bool,
        typer.Option(
            "--when-empty",
            help="Exit successfully without importing if this database already contains data, or if there is nothing "
            "to import.",
        ),
    ] = False,
    leave_locked_secrets: Annotated[
        bool, typer.Option("--leave-locked-secrets", help="Skip secrets that the key can't decrypt.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URI",
            help="Connection string of the former server's database (default: LETTA_LEGACY_PG_URI, else this "
            "server's own database).",
        ),
    ] = None,
    source_schema: Annotated[
        str | None,
        typer.Option(
            "--from-schema",
            metavar="SCHEMA",
            help="Schema of the former server's tables (default: LETTA_LEGACY_PG_SCHEMA).",
        ),
    ] = None,
    accept_revision: Annotated[
        str | None,
        typer.Option(
            metavar="REVISION", help="Import from this revision of the former server's tables, although it is unknown."
        ),
    ] = None,
) -> None:
    """Import the data of a former server. Reads 0.11.7 and 0.13 to 0.16.8; resumes where it was interrupted."""
    from letta.legacy.command import Wish, import_legacy
    from letta.log import configure_logging

    named = {"legacy_pg_uri": SecretStr(source) if source else None, "legacy_pg_schema": source_schema}
    chosen = settings.model_copy(update={name: value for name, value in named.items() if value is not None})
    wish = Wish(dry_run, verify, when_empty, leave_locked_secrets, accept_revision)

    configure_logging("WARNING", log_format=settings.log_format)
    remember_settings(chosen)
    with refusing():
        if not import_legacy(chosen, wish, typer.echo):
            raise typer.Exit(1)


@app.command()
def rotate_encryption_key(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="File with the new key; '-' reads standard input. Leave it out for the embedded database, which makes "
            "its own key.",
        ),
    ] = None,
) -> None:
    """Re-encrypt all secrets with a new key. LETTA_ENCRYPTION_KEY must still be the current key."""
    from letta.server.rotate_key import rotate_key

    with refusing():
        rotate_key(settings, file, typer.echo)


@app.command()
def reset_encryption_key(
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this, only list what would be lost.")] = False,
) -> None:
    """Continue with a new key when the old one is lost. Secrets encrypted with the old one are emptied."""
    from letta.server.reset_key import reset_key

    with refusing():
        if not reset_key(settings, typer.echo, confirmed=yes):
            raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
