"""`letta doctor`: the checks on this installation."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from letta.database.configured import configured_dsn, data_directory
from letta.database.dsn import Chosen, DsnError
from letta.database.embedded import EmbeddedPostgres, EmbeddedPostgresError
from letta.doctor.check import Check
from letta.doctor.context import DoctorContext, Embedded
from letta.doctor.report import exit_code, render
from letta.doctor.run import run_checks
from letta.errors import ConfigurationError
from letta.llm.catalog import Catalog
from letta.server import policy
from letta.server.server import SyncServer
from letta.settings import Settings


def examine(settings: Settings) -> int:
    """Run all checks and print their table. Returns the exit code that tells the result."""
    postgres, embedded = _embedded(settings)
    try:
        context = DoctorContext.from_settings(settings, embedded=embedded, find_models=lambda: _models(settings))
        checks = run_checks(context)
    finally:
        if postgres is not None:
            postgres.stop()
    print(render(checks))  # noqa: T201 - the command's output
    return exit_code(checks)


def examine_running(server: SyncServer) -> list[Check]:
    """Run all checks on the installation of a server that runs, with the models that it has found."""
    embedded = None
    if server.embedded is not None:
        key, key_problem = _key(server.embedded)
        embedded = Embedded(key=key, key_problem=key_problem)
    handles = [model.handle for model in server.catalog.llms()]
    context = DoctorContext.from_settings(server.settings, embedded=embedded, find_models=lambda: handles)
    if embedded is not None:
        context = replace(context, chosen=Chosen(server.database.dsn, "the embedded Postgres"))
    return run_checks(context)


def _embedded(settings: Settings) -> tuple[EmbeddedPostgres | None, Embedded | None]:
    """The embedded database, if it is what the server would use. It is started where there is one; none is made."""
    try:
        if configured_dsn(settings) is not None:
            return None, None
    except DsnError:
        return None, None
    key: str | None = None
    key_problem: str | None = None
    uri: str | None = None
    try:
        directory = data_directory(settings)
        postgres = EmbeddedPostgres(directory)
        key, key_problem = _key(postgres)
        policy.check_embedded(settings, directory)
        postgres.check()
        if postgres.has_data:
            uri = postgres.start()
    except ConfigurationError as error:
        return None, Embedded(key=key, key_problem=key_problem, problem=error.detail)
    return postgres, Embedded(uri, key=key, key_problem=key_problem)


def _key(postgres: EmbeddedPostgres) -> tuple[str | None, str | None]:
    """The key beside the database, and why it can't be used."""
    try:
        return postgres.read_key(), None
    except EmbeddedPostgresError as error:
        return None, error.detail


def _models(settings: Settings) -> Sequence[str]:
    catalog = Catalog.from_settings(settings)
    asyncio.run(catalog.refresh())
    return [model.handle for model in catalog.llms()]
