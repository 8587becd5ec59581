"""`letta doctor`: the checks on this installation, printed."""

import asyncio
import os
from collections.abc import Sequence

from letta.database.configured import configured_dsn
from letta.database.dsn import DsnError
from letta.database.embedded import EmbeddedPostgres, default_data_directory
from letta.doctor.context import DoctorContext
from letta.doctor.report import exit_code, render
from letta.doctor.run import run_checks
from letta.llm.catalog import Catalog
from letta.server.startup import kept_key
from letta.settings import Settings


def examine(settings: Settings) -> int:
    """Run all checks and print their table. Returns the exit code that tells the result."""
    embedded = _embedded(settings)
    directory = settings.pg_data or default_data_directory(os.environ)
    try:
        context = DoctorContext.from_settings(
            settings,
            embedded_uri=embedded.start() if embedded else None,
            embedded_key=kept_key(directory) if embedded else None,
            find_models=lambda: _models(settings),
        )
        checks = run_checks(context)
    finally:
        if embedded is not None:
            embedded.stop()
    print(render(checks))  # noqa: T201 - the command's output
    return exit_code(checks)


def _embedded(settings: Settings) -> EmbeddedPostgres | None:
    """The embedded database, where one has been made here and is what the server would use."""
    try:
        configured = configured_dsn(settings) is not None
    except DsnError:
        return None
    directory = settings.pg_data or default_data_directory(os.environ)
    return EmbeddedPostgres(directory) if not configured and directory.is_dir() and not settings.render else None


def _models(settings: Settings) -> Sequence[str]:
    catalog = Catalog.from_settings(settings)
    asyncio.run(catalog.refresh())
    return [model.handle for model in catalog.llms()]
