"""The `letta` command."""

from collections.abc import Callable
from typing import Annotated

import typer

from letta import __version__
from letta.errors import ConfigurationError, UnavailableError

try:
    from letta.settings import settings
except ConfigurationError as refusal:
    raise SystemExit(f"letta: {refusal.detail}") from None

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

    _refusing(lambda: serve(chosen, debug=debug))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from letta.database.migrations import HEAD
    from letta.log import configure_logging
    from letta.server.preparation import prepare_database
    from letta.server.startup import opened_database

    def run() -> None:
        with opened_database(settings) as (database, embedded):
            prepare_database(settings, database, embedded)

    configure_logging(settings.log_level)
    _refusing(run)
    typer.echo(f"The schema is at revision {HEAD}.")


@app.command()
def reset_encryption_key(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only told what would be lost.")] = False,
) -> None:
    """Go on with another encryption key when the old one is lost: secrets written with that are emptied."""
    from letta.server.reset_key import reset_key

    def run() -> None:
        if not reset_key(settings, typer.echo, confirmed=yes):
            raise typer.Exit(1)

    _refusing(run)


@app.command()
def doctor() -> None:
    """Look the installation over and say what to mend."""
    from letta.server.examine import examine

    raise typer.Exit(examine(settings))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _refusing(action: Callable[[], None]) -> None:
    try:
        action()
    except (ConfigurationError, UnavailableError) as error:
        typer.echo(f"letta: {error.detail}", err=True)
        raise typer.Exit(1) from None


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
