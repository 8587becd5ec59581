"""All checks, one after another, none of which may take for ever."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing

from sqlalchemy.exc import SQLAlchemyError

from letta.database.dsn import URI_SETTINGS, Chosen
from letta.database.failures import FailureKind, classify, hint
from letta.doctor import connection, exposure, files, models, schema, secrets, tools
from letta.doctor.check import Check, Verdict, fail, skip
from letta.doctor.context import DoctorContext
from letta.doctor.database import DoctorDatabase, Visit
from letta.errors import UnavailableError

_SECONDS = 25.0
"""Longest time for one check; looking a name up and trying to connect fit in."""

_NO_FURTHER_ATTEMPT = {
    FailureKind.AUTHENTICATION,
    FailureKind.BLOCKED,
    FailureKind.CAPACITY,
    FailureKind.CONFIGURATION,
    FailureKind.CONNECTION_LOST,
    FailureKind.STARTING_UP,
    FailureKind.UNREACHABLE,
}
"""After these the next check would only fail again; and repeated wrong logins get an address banned."""

_IN_DATABASE: Mapping[str, Callable[[Visit], Verdict]] = {
    "Reachability": connection.reachability,
    "Transport": connection.encryption_in_transit,
    "Pooler": connection.pooler,
    "pgvector": schema.pgvector,
    "Schema version": schema.schema_version,
    "Exposure": exposure.exposure,
    "Database size": schema.size,
    "Vector indexes": schema.vector_indexes,
    "Encryption key": secrets.encryption_key,
}
_WITHOUT_DATABASE: Mapping[str, Callable[[DoctorContext], Verdict]] = {
    "Encryption key": secrets.encryption_key_alone,
}
"""What can be said of some of them when there is no connection."""


def run_checks(context: DoctorContext, *, limit_seconds: float = _SECONDS) -> list[Check]:
    """Look at everything. A check that finds no answer within the limit fails; none raises for the database's sake."""
    return [
        _check("Files", lambda: files.letta_dir(context), limit_seconds),
        _check("Connection string", lambda: connection.connection_string(context), limit_seconds),
        *_database_checks(context, limit_seconds),
        _check("Password", lambda: secrets.password(context), limit_seconds),
        _check("Custom tools", lambda: tools.sandbox(context), limit_seconds),
        _check("Models", lambda: models.models(context), limit_seconds),
    ]


def _database_checks(context: DoctorContext, limit_seconds: float) -> Iterator[Check]:
    checks = iter(_IN_DATABASE.items())
    if context.chosen is not None:
        with closing(DoctorDatabase(context.chosen.dsn)) as database:
            for name, check in checks:
                verdict, connected = _visit(context, context.chosen, database, check, limit_seconds)
                yield _named(name, verdict)
                if not connected:
                    break
    for name, _ in checks:
        alone = _WITHOUT_DATABASE.get(name)
        yield _named(name, alone(context) if alone else skip("There is no connection to the database."))


def _visit(
    context: DoctorContext,
    chosen: Chosen,
    database: DoctorDatabase,
    check: Callable[[Visit], Verdict],
    limit_seconds: float,
) -> tuple[Verdict, bool]:
    """The verdict, and whether asking the database further makes sense."""

    def look() -> Verdict:
        with database.transaction() as open_connection:
            return check(Visit(context, chosen.dsn, open_connection))

    try:
        return within(limit_seconds, look), True
    except TimeoutError:
        return _no_answer(limit_seconds), False
    except UnavailableError as error:
        return fail("The connection was lost.", error.detail), False
    except SQLAlchemyError as error:
        kind = classify(error) or FailureKind.PERMANENT
        setting = chosen.setting if chosen.setting in URI_SETTINGS else URI_SETTINGS[0]
        return fail(f"Failed: {kind.value}.", hint(error, setting=setting)), kind not in _NO_FURTHER_ATTEMPT


def _check(name: str, look: Callable[[], Verdict], limit_seconds: float) -> Check:
    try:
        return _named(name, within(limit_seconds, look))
    except TimeoutError:
        return _named(name, _no_answer(limit_seconds))


def _no_answer(seconds: float) -> Verdict:
    return fail(
        f"No answer within {seconds:.0f} s.", "Check that the other side is running, and the network in between."
    )


def _named(name: str, verdict: Verdict) -> Check:
    return Check(name, verdict.status, verdict.finding, verdict.remedy)


def within(seconds: float, look: Callable[[], Verdict]) -> Verdict:
    """What ``look`` returns or raises; TimeoutError when that takes longer.

    It is then left behind on its thread, which doesn't keep the process from ending: a driver that waits for a server
    that says nothing can't be interrupted.
    """
    outcome: Future[Verdict] = Future()

    def work() -> None:
        try:
            outcome.set_result(look())
        except BaseException as error:  # raised again where the result is asked for
            outcome.set_exception(error)

    threading.Thread(target=work, name="doctor", daemon=True).start()
    return outcome.result(seconds)
