"""Why the database refused, and what to do about it.

Poolers report their refusals as free text, often without an SQLSTATE, and a lost connection surfaces as a plain
``OperationalError``. So texts are looked at before codes, except where the code shows that a statement failed: the
message of such an error quotes data, which can say anything.
"""

import re
from enum import Enum
from typing import NamedTuple

import psycopg2
from sqlalchemy import exc

from letta.database.dsn import DsnError


class FailureKind(Enum):
    """What a failure means for whoever ran into it."""

    RETRY_TRANSACTION = "retry transaction"
    """Rolled back because of others: run the whole transaction again at once."""
    CONNECTION_LOST = "connection lost"
    """The session is gone. Nothing was committed, unless COMMIT was under way: then nobody knows."""
    CAPACITY = "no capacity"
    """No connection was free; nothing was executed."""
    STARTING_UP = "starting up"
    """The server is there but doesn't serve yet, or no longer."""
    UNREACHABLE = "unreachable"
    """Nobody answers at the address now; it may be a restart."""
    TIMEOUT = "time limit"
    """The statement took too long or was cancelled, and was rolled back."""
    READ_ONLY = "read-only"
    """Reads work, writes don't: a quota, a full disk or a standby."""
    CONFIGURATION = "configuration"
    """The connection can't come about until somebody changes a setting or the network."""
    AUTHENTICATION = "authentication"
    """User or password are wrong; every further attempt brings a ban nearer."""
    BLOCKED = "blocked"
    """The pooler refuses this address for a while, after too many failures."""
    PERMANENT = "permanent"
    """The statement itself is at fault; it would fail again."""

    @property
    def boot_pause_seconds(self) -> float:
        """How long to wait, at least, before connecting again while nobody is being kept waiting."""
        return _BOOT_PAUSES.get(self, 1.0)


_BOOT_PAUSES = {
    FailureKind.CAPACITY: 2.0,
    FailureKind.STARTING_UP: 2.0,
    FailureKind.UNREACHABLE: 2.0,
    FailureKind.CONFIGURATION: 60.0,
    FailureKind.AUTHENTICATION: 60.0,
    FailureKind.BLOCKED: 120.0,
}


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    kind: FailureKind
    remedy: str


def classify(error: BaseException) -> FailureKind | None:
    """What kind of database failure this is, or None when it is none."""
    rule = _matching_rule(error)
    if rule:
        return rule.kind
    if isinstance(error, DsnError):
        return FailureKind.CONFIGURATION
    if isinstance(error, exc.TimeoutError):
        return FailureKind.CAPACITY
    if _is_invalidated(error):
        return FailureKind.CONNECTION_LOST
    if isinstance(_driver_error(error), psycopg2.Error):
        return _by_sqlstate(_sqlstate(error))
    return FailureKind.PERMANENT if isinstance(error, exc.SQLAlchemyError) else None


def hint(error: BaseException, *, setting: str = "LETTA_PG_URI") -> str:
    """What it means and what a person can do about it: one sentence, without secrets and without the error's text.

    Args:
        error: any exception; a `DsnError` explains itself.
        setting: the setting that names the database, if it's another one.
    """
    if isinstance(error, DsnError):
        return error.detail
    rule = _matching_rule(error)
    kind = classify(error) or FailureKind.PERMANENT
    remedy = rule.remedy if rule else _BY_CODE.get(_sqlstate(error) or "", _BY_KIND[kind])
    return remedy.replace("LETTA_PG_URI", setting)


def _matching_rule(error: BaseException) -> _Rule | None:
    driver_error = _driver_error(error)
    if driver_error is None or _quotes_data(_sqlstate(error)):
        return None
    text = str(driver_error)
    return next((rule for rule in _RULES if rule.pattern.search(text)), None)


def _driver_error(error: BaseException) -> BaseException | None:
    if isinstance(error, exc.DBAPIError):
        return error.orig
    return error if isinstance(error, psycopg2.Error) else None


def _sqlstate(error: BaseException) -> str | None:
    driver_error = _driver_error(error)
    return driver_error.pgcode if isinstance(driver_error, psycopg2.Error) else None


def _is_invalidated(error: BaseException) -> bool:
    if isinstance(error, exc.DisconnectionError):
        return True
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated


def _quotes_data(sqlstate: str | None) -> bool:
    return sqlstate is not None and sqlstate[:2] not in _CONNECTION_CLASSES


def _by_sqlstate(sqlstate: str | None) -> FailureKind:
    if sqlstate is None:
        return FailureKind.PERMANENT
    return _KINDS.get(sqlstate) or _KINDS.get(sqlstate[:2]) or FailureKind.PERMANENT


_CONNECTION_CLASSES = frozenset({"08", "28", "3D", "53", "57", "58", "XX"})
"""Classes of SQLSTATE whose messages come from server or pooler and quote nobody's data."""

_KINDS = {
    "08": FailureKind.CONNECTION_LOST,
    "25006": FailureKind.READ_ONLY,
    "25P03": FailureKind.CONNECTION_LOST,
    "28": FailureKind.AUTHENTICATION,
    "3D": FailureKind.CONFIGURATION,
    "40001": FailureKind.RETRY_TRANSACTION,
    "40P01": FailureKind.RETRY_TRANSACTION,
    "53": FailureKind.CAPACITY,
    "53100": FailureKind.READ_ONLY,
    "55P03": FailureKind.RETRY_TRANSACTION,
    "57014": FailureKind.TIMEOUT,
    "57P01": FailureKind.CONNECTION_LOST,
    "57P02": FailureKind.CONNECTION_LOST,
    "57P03": FailureKind.STARTING_UP,
    "57P04": FailureKind.CONFIGURATION,
    "57P05": FailureKind.CONNECTION_LOST,
}


def _rule(kind: FailureKind, pattern: str, remedy: str) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), kind, remedy)


_BLOCKED = (
    "The pooler has blocked this address after too many failed logins: correct the password in LETTA_PG_URI, wait at "
    "least two minutes, and start again once."
)
_READ_ONLY = (
    "The database is read-only: its size quota or disk is used up (Supabase Free: 500 MB), or it is a standby. Delete "
    "data, get more space, or set LETTA_PG_URI to the primary."
)
_POOL_SIZES = "lower LETTA_PG_POOL_SIZE and LETTA_PG_MAX_OVERFLOW"
_TENANT = (
    "The pooler does not know this project: copy the host (aws-N-<region>.pooler.supabase.com) and the user "
    "(postgres.<project ref>) from Supabase's Connect page, and check whether the project is paused."
)
_WRONG_LOGIN = (
    "User or password is wrong: correct LETTA_PG_URI and start again once, because repeated failures get this address "
    "banned for half an hour."
)
_SSL_REQUIRED = "The database only accepts encrypted connections: add sslmode=require to LETTA_PG_URI."
_CA = (
    "The database's certificate could not be verified: set LETTA_PG_SSLROOTCERT to the certificate authority of your "
    "database (Supabase: Database settings, SSL configuration)."
)
_RESTARTING = (
    "The database is starting or stopping: wait a few minutes, and check the provider's status page if it persists."
)
_CUT = "The connection to the database was cut (restart, failover or network): try again."
_USE_POOLER = (
    "Supabase's direct host is only reachable over IPv6, or its project is paused: use the pooler connection string "
    "(session or transaction) from Supabase's Connect page."
)

# The first match counts: what a server says beats what the network says of the other addresses of its name, and a
# lost connection ("could not receive data: Connection timed out") must not pass for one that never came about.
_RULES = (
    _rule(FailureKind.BLOCKED, r"ECIRCUITBREAKER|circuit breaker open", _BLOCKED),
    _rule(
        FailureKind.AUTHENTICATION,
        r"password authentication failed|SASL authentication failed|EWRONGPASSWORD|no such user",
        _WRONG_LOGIN,
    ),
    _rule(
        FailureKind.AUTHENTICATION, r"no password supplied", "The database requires a password: add it to LETTA_PG_URI."
    ),
    _rule(
        FailureKind.CAPACITY,
        r"EMAXCONNSESSION|MaxClientsInSessionMode",
        f"The session pooler is full, which often happens during a deploy: {_POOL_SIZES}, or use port 6543.",
    ),
    _rule(
        FailureKind.CAPACITY,
        r"EMAXCONN\b|max client connections reached|no more connections allowed",
        f"The pooler has no room for another client: {_POOL_SIZES}, or close other applications.",
    ),
    _rule(
        FailureKind.CAPACITY,
        r"ECHECKOUTTIMEOUT|query_wait_timeout",
        "All connections of the pooler were busy: try again in a moment.",
    ),
    _rule(
        FailureKind.CAPACITY,
        r"remaining connection slots are reserved|sorry, too many clients|too many connections for",
        "Postgres has no connection left: use the pooler's connection string, or close other applications.",
    ),
    _rule(
        FailureKind.CONFIGURATION, r"tenant or user not found|ENOTFOUND|tenant/user .* not found|ENOIDENTIFIER", _TENANT
    ),
    _rule(FailureKind.CONFIGURATION, r"ESSLREQUIRED|SSL connection is required|SSL required", _SSL_REQUIRED),
    _rule(FailureKind.CONFIGURATION, r"no pg_hba\.conf entry.*(?:no encryption|SSL off)", _SSL_REQUIRED),
    _rule(
        FailureKind.CONFIGURATION,
        r"no pg_hba\.conf entry",
        "The database's pg_hba.conf does not admit this user from this address: add an entry for it.",
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r"EADDRNOTALLOWED|address not in tenant allow_list",
        "The project's network restrictions do not admit this address: add the outbound ranges that your host's "
        "dashboard shows (Render: Connect, Outbound).",
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r"root certificate file|certificate verify failed|server certificate for|could not read .*certificate"
        r"|weak sslmode",
        _CA,
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r"server does not support SSL",
        "The database does not support encryption: add sslmode=disable to LETTA_PG_URI if the network in between is "
        "private.",
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r"unsupported startup parameter|invalid dsn|invalid connection option|invalid URI query parameter",
        "The connection string contains an unknown parameter: remove everything after the question mark except "
        "sslmode.",
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r'database "[^"]*" does not exist|no such database',
        "The database does not exist: correct the name at the end of LETTA_PG_URI.",
    ),
    _rule(FailureKind.AUTHENTICATION, r'role "[^"]*" does not exist', _WRONG_LOGIN),
    _rule(
        FailureKind.STARTING_UP,
        r"the database system is (?:starting up|shutting down|in recovery mode|not yet accepting)"
        r"|failed to connect to database|pgbouncer cannot connect to server|server_login_retry"
        r"|the database system is not accepting connections",
        _RESTARTING,
    ),
    _rule(
        FailureKind.CONNECTION_LOST,
        r"server closed the connection unexpectedly|SSL connection has been closed unexpectedly|SSL SYSCALL error"
        r"|terminating connection|connection to database closed|EDBHANDLEREXITED|EPOOLTERMINATING|pool terminating"
        r"|connection already closed|unexpected eof while reading|decryption failed or bad record mac"
        r"|could not (?:receive data from|send data to) (?:the )?server"
        r"|connection reset by peer|broken pipe|no connection to the server|server conn crashed",
        _CUT,
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r"db\.\w+\.supabase\.(?:co|net)\b.*(?:network is unreachable|no route to host|could not translate|not known"
        r"|cannot assign requested address|no address associated)"
        r"|could not translate host name \"db\.\w+\.supabase\.",
        _USE_POOLER,
    ),
    _rule(FailureKind.UNREACHABLE, r"db\.\w+\.supabase\.(?:co|net)\b.*(?:timeout expired|timed out)", _USE_POOLER),
    _rule(
        FailureKind.UNREACHABLE,
        r"temporary failure in name resolution",
        "Name resolution does not work at the moment: try again, then check the network of this machine.",
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r"could not translate host name",
        "The host does not exist: correct it in LETTA_PG_URI (a paused Supabase project also loses its host name).",
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r"network is unreachable|no route to host|cannot assign requested address",
        "This machine can't reach the host's network: with an IPv6 address or Supabase's direct host, use the pooler "
        "connection string instead.",
    ),
    _rule(
        FailureKind.UNREACHABLE,
        r"connection refused|timeout expired|connection timed out|on socket .* failed: no such file or directory",
        "The database does not respond at this host and port: check that it is running, that host and port are right, "
        "and that it has not banned this address after wrong passwords.",
    ),
    _rule(FailureKind.READ_ONLY, r"in a read-only transaction|no space left on device", _READ_ONLY),
    _rule(
        FailureKind.CONFIGURATION,
        r"is not permitted to log in|permission denied for database",
        "The database does not let this role log in: correct the user in LETTA_PG_URI, or grant the role LOGIN and "
        "CONNECT.",
    ),
    _rule(
        FailureKind.CONFIGURATION,
        r"connection to server .* failed: (?:FATAL|ERROR)",
        "The database refused the connection: see its log for the reason, and correct LETTA_PG_URI.",
    ),
)

_BY_CODE = {
    "25006": _READ_ONLY,
    "42501": "The database role lacks a privilege: grant it, or use the role that owns the schema.",
    "57014": "The database cancelled a statement that took too long: try again, with a smaller request if it happens "
    "repeatedly.",
}

_BY_KIND = {
    FailureKind.RETRY_TRANSACTION: "Other requests are changing the same data: try again in a moment.",
    FailureKind.CONNECTION_LOST: _CUT,
    FailureKind.CAPACITY: "All of the server's database connections are busy: try again in a moment.",
    FailureKind.STARTING_UP: _RESTARTING,
    FailureKind.UNREACHABLE: "The database does not respond: check that it is running and that host and port are "
    "right.",
    FailureKind.TIMEOUT: "The database cancelled a statement that took too long: try again.",
    FailureKind.READ_ONLY: _READ_ONLY,
    FailureKind.CONFIGURATION: "The database can't be used as configured: correct LETTA_PG_URI.",
    FailureKind.AUTHENTICATION: _WRONG_LOGIN,
    FailureKind.BLOCKED: _BLOCKED,
    FailureKind.PERMANENT: "The database rejected a statement: see the server log, and report the "
    "problem if it happens repeatedly.",
}
