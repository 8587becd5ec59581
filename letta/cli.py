"""The `letta` command."""

from collections.abc import Callable
from typing import Annotated

import typer

from letta import __version__
from letta.errors import ConfigurationError

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
    port: Annotated[int | None, typer.Option(help="Port to bind (else PORT, LETTA_SERVER_PORT).")] = None,
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
    from letta.server.startup import open_database, prepare_database

    def run() -> None:
        database, embedded = open_database(settings)
        prepare_database(database)
        database.close()
        if embedded is not None:
            embedded.stop()

    _refusing(run)
    typer.echo(f"The schema is at revision {HEAD}.")


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
    except ConfigurationError as error:
        typer.echo(f"letta: {error.detail}", err=True)
        raise typer.Exit(1) from None


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
