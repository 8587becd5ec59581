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
    pretty_exceptions_enable=False,  # logs are read line by line
    help="A self-hosted server for stateful AI agents.",
)


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        server()


@app.command()
def server(
    host: Annotated[str | None, typer.Option(help="Address to bind (else HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to bind (else PORT, LETTA_SERVER_PORT).")
    ] = None,
    secure: Annotated[bool, typer.Option(help="Demand a password (else LETTA_SERVER_SECURE).")] = False,
    debug: Annotated[bool, typer.Option(help="Log more.")] = False,
) -> None:
    """Migrate the database if it's behind, and serve."""
    overrides = {"host": host, "port": port, "server_secure": secure or None}
    chosen = settings.model_copy(update={name: value for name, value in overrides.items() if value is not None})
    from letta.server.run import serve

    with refusing():
        serve(chosen, debug=debug)


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from letta.database.migrations import HEAD
    from letta.log import configure_logging
    from letta.server.preparation import prepare_database
    from letta.server.startup import opened_database

    configure_logging(settings.log_level, log_format=settings.log_format)
    with refusing(), opened_database(settings) as (database, embedded):
        prepare_database(settings, database, embedded)
    typer.echo(f"The schema is at revision {HEAD}.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make, such as letta.zip; it must not exist yet.")],
) -> None:
    """Write all that is stored into a file, while the server runs or not."""
    from letta.backup.service import make_backup
    from letta.server.keys import key_place
    from letta.server.startup import opened_database

    with refusing(), opened_database(settings) as (database, embedded):
        make_backup(database, file, typer.echo, key_place=key_place(settings, embedded))


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="A file that `letta backup` made.")]) -> None:
    """Bring a backup into a database in which nothing is stored yet."""
    from letta.backup.service import restore_backup
    from letta.database.encryption import keyring
    from letta.server.keys import present_key
    from letta.server.startup import opened_database

    with refusing(), opened_database(settings) as (database, embedded):
        keyring.load(present_key(settings, embedded))
        restore_backup(database, file, typer.echo)


@app.command()
def import_legacy(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read, and tell what would be brought over.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare what is there with what is here, table by table; change nothing.")
    ] = False,
    when_empty: Annotated[
        bool,
        typer.Option(
            "--when-empty", help="Do nothing, successfully, where something is stored here already or nothing is there."
        ),
    ] = False,
    leave_locked_secrets: Annotated[
        bool, typer.Option("--leave-locked-secrets", help="Leave out secrets that the key doesn't open.")
    ] = False,
    source: Annotated[
        str | None, typer.Option("--from", help="The former server's database (else LETTA_LEGACY_PG_URI, else ours).")
    ] = None,
    source_schema: Annotated[
        str | None, typer.Option("--from-schema", help="The schema of its tables (else LETTA_LEGACY_PG_SCHEMA).")
    ] = None,
    accept_revision: Annotated[
        str | None, typer.Option(help="Read tables of this revision, although it isn't known here.")
    ] = None,
) -> None:
    """Bring over all that the former upstream server (0.11.7 to 0.16.8) has stored; go on where that was broken off."""
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
def reset_encryption_key(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only told what would be lost.")] = False,
) -> None:
    """Go on with another encryption key when the old one is lost: secrets written with that are emptied."""
    from letta.server.reset_key import reset_key

    with refusing():
        if not reset_key(settings, typer.echo, confirmed=yes):
            raise typer.Exit(1)


@app.command()
def rotate_encryption_key(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A file that holds the new key ('-': standard input). The embedded database makes one itself."
        ),
    ] = None,
) -> None:
    """Encrypt all secrets with another key, in one transaction; the variables hold the key in force."""
    from letta.server.rotate_key import rotate_key

    with refusing():
        rotate_key(settings, file, typer.echo)


@app.command()
def doctor() -> None:
    """Look the installation over and say what to mend."""
    from letta.server.examine import examine

    raise typer.Exit(examine(settings))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
