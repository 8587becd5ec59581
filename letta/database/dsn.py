"""Postgres connection strings: read the forms people paste, refuse the hopeless ones, print no secret.

The syntax is libpq's URI (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING), read
more kindly than libpq does, and turned into separate arguments so that nothing has to be quoted again.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from letta.errors import ConfigurationError

DEFAULT_PORT = 5432
SUPAVISOR_TRANSACTION_PORT = 6543

_SCHEMES = (
    "postgres",
    "postgresql",
    *(f"postgresql+{driver}" for driver in ("asyncpg", "psycopg", "psycopg2", "pg8000")),
)
_URI = re.compile(rf"(?:{'|'.join(re.escape(scheme) for scheme in _SCHEMES)})://(.*)", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"[\w.-]+")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%\w+)?")
_PERCENT_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_QUOTES = "\"'`“”‘’"
_BLANK = " \t\r\n\ufeff\u00a0\u200b"

_PASSWORD_PLACEHOLDER = re.compile(
    r"\[[^\]]*pass[^\]]*\]|<[^>]*pass[^>]*>|\$?\{[^}]*pass[^}]*\}|your[-_ ]?(?:db[-_ ]?)?password",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\[[^\]:]*[A-Za-z][^\]:]*\]|<[^>]*>|\{[^}]*\}")

_LIBPQ_KEYS = frozenset(
    {
        "application_name",
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "require_auth",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslrootcert",
        "sslsni",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)
_PLACE_KEYS = frozenset({"host", "port", "user", "password", "dbname"})
_FOREIGN_KEYS = frozenset(
    {
        "channelbinding",
        "client_encoding",
        "command_timeout",
        "connection_limit",
        "currentschema",
        "pgbouncer",
        "pool_size",
        "pool_timeout",
        "prepare_threshold",
        "prepared_statement_cache_size",
        "prepared_statements",
        "schema",
        "search_path",
        "server_settings",
        "socket_timeout",
        "sslaccept",
        "sslpassword",
        "statement_cache_size",
        "statement_timeout",
        "supa",
        "workaround",
    }
)
_QUERY = re.compile(
    rf"\?((?:{'|'.join(sorted(_LIBPQ_KEYS | _PLACE_KEYS | _FOREIGN_KEYS | {'ssl', 'options'}))})=[^&?]*(?:&[^&?]*)*)$",
    re.IGNORECASE,
)
_PLACE_ALONE = re.compile(r"[\w.-]*(?::\d+)?(?:/[\w%.-]*)?")
_SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
_TRIES_TWICE = frozenset({"allow", "prefer"})
_SSL_TRUE = {
    "true": "require",
    "1": "require",
    "on": "require",
    "false": "disable",
    "0": "disable",
    "off": "disable",
}

_SUPAVISOR_DOMAIN = ".pooler.supabase.com"
_SUPABASE_HOST = re.compile(r"db\.[a-z0-9]+\.supabase\.(?:co|net)", re.IGNORECASE)
_TENANT_OPTION = re.compile(r"(?:^|\s|-c\s*)reference=([a-z0-9]+)")

_CONNECT_DEFAULTS: Mapping[str, int] = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

URI_SETTINGS = ("LETTA_PG_URI", "DATABASE_URL")
PART_SETTINGS: Mapping[str, str] = {
    "user": "LETTA_PG_USER",
    "password": "LETTA_PG_PASSWORD",
    "host": "LETTA_PG_HOST",
    "port": "LETTA_PG_PORT",
    "database": "LETTA_PG_DB",
}
_CA_SETTING = "LETTA_PG_SSLROOTCERT"


class DsnError(ConfigurationError):
    """A connection string can't be used. The message names setting and remedy, never a part of the string."""


class DsnKind(Enum):
    """What stands at the other end, as far as host and port tell."""

    SUPABASE_DIRECT = "Supabase, direct connection"
    SUPAVISOR_SESSION = "Supabase pooler, session mode"
    SUPAVISOR_TRANSACTION = "Supabase pooler, transaction mode"
    DEDICATED_POOLER = "Supabase dedicated pooler, transaction mode"
    OTHER = "Postgres"


class Identity(NamedTuple):
    """The database that a connection string names, without the way to get in."""

    host: str
    port: int
    database: str
    user: str


@dataclass(frozen=True)
class Dsn:
    """A connection string that has been understood.

    ``host`` is empty for libpq's default socket, and a directory when it starts with ``/``. ``options`` holds
    libpq keys only, always with ``sslmode`` and ``gssencmode``. ``notes`` tell people what was dropped or changed.
    """

    user: str
    password: str = field(repr=False)
    host: str
    port: int
    database: str
    options: Mapping[str, str] = field(hash=False)
    notes: tuple[str, ...] = ()

    @property
    def identity(self) -> Identity:
        """To tell whether two settings mean the same database."""
        return Identity(self.host.lower(), self.port, self.database, self.user)

    @property
    def kind(self) -> DsnKind:
        """Which of Supabase's four ways in this is, if any."""
        transaction = self.port == SUPAVISOR_TRANSACTION_PORT
        if self.host.lower().endswith(_SUPAVISOR_DOMAIN):
            return DsnKind.SUPAVISOR_TRANSACTION if transaction else DsnKind.SUPAVISOR_SESSION
        if _SUPABASE_HOST.fullmatch(self.host):
            return DsnKind.DEDICATED_POOLER if transaction else DsnKind.SUPABASE_DIRECT
        return DsnKind.OTHER

    @property
    def is_socket(self) -> bool:
        """Whether it leads to a Unix socket."""
        return not self.host or self.host.startswith("/")

    @property
    def is_local(self) -> bool:
        """Whether it stays on this machine."""
        return self.is_socket or _is_loopback(self.host)

    def masked(self) -> str:
        """The connection string for people and logs: no password, no option but ``sslmode``."""
        user = f"{quote(self.user, safe='')}:***@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = "" if self.is_socket else f"{host}:{self.port}"
        socket = f"host={quote(self.host)}&port={self.port}&" if self.is_socket else ""
        return f"postgresql://{user}{place}/{quote(self.database, safe='')}?{socket}sslmode={self.options['sslmode']}"

    def connect_arguments(self, application_name: str) -> dict[str, Any]:
        """Keyword arguments for ``psycopg2.connect``. What the string itself states wins over our defaults.

        ``options`` is given empty: libpq would otherwise take it from the environment, and poolers refuse it.
        """
        place = {"host": self.host, "user": self.user, "password": self.password, "dbname": self.database}
        return {
            **{key: value for key, value in place.items() if value},
            "port": self.port,
            "options": "",
            "application_name": application_name,
            **_CONNECT_DEFAULTS,
            **self.options,
        }

    def maintenance_dsn(self) -> "Dsn":
        """The way in with session semantics: port 5432 of the same Supabase host, else this one."""
        if self.kind in {DsnKind.SUPAVISOR_TRANSACTION, DsnKind.DEDICATED_POOLER}:
            return replace(self, port=DEFAULT_PORT)
        return self


class Chosen(NamedTuple):
    """The connection string in force, and the setting that it came from."""

    dsn: Dsn
    setting: str


def choose_dsn(values: Mapping[str, str | None], *, sslrootcert: str | None = None) -> Chosen | None:
    """The database that the environment names: LETTA_PG_URI, else DATABASE_URL, else LETTA_PG_HOST and the like.

    Args:
        values: the environment, or what matters of it (`URI_SETTINGS` and the values of `PART_SETTINGS`).
        sslrootcert: as for `parse_dsn`.

    Returns:
        None when nothing is set.

    Raises:
        DsnError: a setting can't be used, or two of them name different databases.
    """
    chosen = [
        Chosen(parse_dsn(text, setting=name, sslrootcert=sslrootcert), name)
        for name in URI_SETTINGS
        if (text := _stated(values, name))
    ]
    parts = {part: text for part, name in PART_SETTINGS.items() if (text := _stated(values, name))}
    if len(chosen) > 1 and chosen[0].dsn.identity != chosen[1].dsn.identity:
        raise _disagreement(chosen[0].setting, chosen[1].setting)
    if chosen:
        _refuse_other_parts(chosen[0], parts)
        return chosen[0]
    return Chosen(_from_parts(parts, sslrootcert), PART_SETTINGS["host"]) if parts else None


def parse_dsn(text: str, *, setting: str = "The connection string", sslrootcert: str | None = None) -> Dsn:
    """Understand a Postgres connection string.

    The password may contain any symbol, percent-encoded or not: everything up to the last ``@`` is user and
    password. A ``%`` that doesn't begin a valid code makes the whole password literal.

    Without a stated ``sslmode`` it is ``verify-full`` when a certificate authority is given, ``disable`` on this
    machine, else ``require``. ``prefer`` and ``allow`` count as unstated: with them libpq tries a refused password
    twice, and Supabase bans an address after two refusals.

    Args:
        text: the string, with whatever quotes and white space came along.
        setting: name of the setting it stands in, for messages.
        sslrootcert: path of the certificate authority, from LETTA_PG_SSLROOTCERT; beats the string's own.

    Raises:
        DsnError: it isn't one, still holds a placeholder, or can't work.
    """
    bare = text.strip(_BLANK + _QUOTES)
    match = _URI.fullmatch(bare)
    if match is None:
        raise DsnError(
            f"{setting} is not a Postgres connection string. Use the form postgresql://user:password@host:5432/name."
        )
    if not _is_printable(bare):
        raise DsnError(f"{setting} contains a line break or another unprintable character. Copy it again, as one line.")
    parts = _split(match[1])
    options = _read_query(parts)
    return _build(parts, options, setting, sslrootcert)


def lint(dsn: Dsn) -> tuple[str, ...]:
    """What will probably not work, or not safely, with this connection string: sentences without secrets."""
    return tuple(_complaints(dsn))


def _complaints(dsn: Dsn) -> Iterator[str]:
    through_supavisor = dsn.kind in {DsnKind.SUPAVISOR_SESSION, DsnKind.SUPAVISOR_TRANSACTION}
    if through_supavisor and "." not in dsn.user:
        yield "The Supabase pooler needs the project in the user name: use postgres.<project ref>."
    if dsn.kind in {DsnKind.SUPABASE_DIRECT, DsnKind.DEDICATED_POOLER}:
        yield (
            "This Supabase host is only reachable over IPv6, which Render lacks: use the session pooler's connection "
            "string."
        )
        if "." in dsn.user:
            yield "Only the shared pooler takes the project in the user name: use the role's name alone."
    if re.fullmatch(r"\[.*\]|<.*>", dsn.password):
        yield "The password is in brackets: remove them unless they are part of it."
    if not dsn.is_local and not dsn.password:
        yield "The connection string has no password: add one unless the server needs none."
    if not dsn.is_local and dsn.options["sslmode"] == "disable":
        yield "The password and data are sent unencrypted: use sslmode=require unless the network is private."


@dataclass
class _Parts:
    """A connection string taken apart, still as text."""

    user: str = ""
    password: str = ""
    host: str = ""
    port: str = ""
    database: str = ""
    query: str = ""
    notes: list[str] = field(default_factory=list)


def _split(rest: str) -> _Parts:
    # Nobody's user name begins with a slash, but `postgresql:///name?password=p@ss` is a socket.
    before, query = _split_query(rest)
    credentials, _, place = ("", "", before) if before.startswith(("/", "?")) else before.rpartition("@")
    user, _, password = credentials.partition(":")
    if not query:
        place, _, query = place.partition("?")
    address, _, database = place.partition("/")
    host, port = _split_address(address)
    parts = _Parts(_decode(user), _decode(password), _decode(host), port, _decode(database.rstrip("/")), query)
    if "%" in password and parts.password == password:
        parts.notes.append(
            "The password contains a % that does not start a percent-encoding; the password was used as it is."
        )
    return parts


def _split_query(rest: str) -> tuple[str, str]:
    """Without the query, and the query, where parameters that are known can only be one; a password may hold a ``?``.

    The credentials, which end with the last ``@`` before it, could otherwise reach into a value with an ``@``.
    """
    match = _QUERY.search(rest)
    if match and ("@" in rest[: match.start()] or _PLACE_ALONE.fullmatch(rest[: match.start()])):
        return rest[: match.start()], match[1]
    return rest, ""


def _split_address(address: str) -> tuple[str, str]:
    bracketed = re.fullmatch(r"\[([^\]]*:[^\]]*)\](?::(.*))?", address)
    if bracketed:
        return bracketed[1], bracketed[2] or ""
    host, _, port = address.partition(":")
    return host, port


def _decode(text: str) -> str:
    """Percent-decoded if all of it is valid and yields printable text, else literally what was written."""
    if not _PERCENT_ENCODED.fullmatch(text):
        return text
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text
    return decoded if _is_printable(decoded) else text


def _read_query(parts: _Parts) -> dict[str, str]:
    """The libpq options of the query. Places given there go to ``parts``; the rest is dropped with a note."""
    options: dict[str, str] = {}
    foreign: list[str] = []
    for pair in filter(None, parts.query.split("&")):
        raw_key, _, raw_value = pair.partition("=")
        key, value = raw_key.strip().lower(), _decode(raw_value)
        if key == "ssl":
            key, value = "sslmode", _SSL_TRUE.get(value.lower(), value)
        if key in _PLACE_KEYS:
            setattr(parts, "database" if key == "dbname" else key, value)
        elif key == "options":
            _drop_options(parts, value)
        elif key not in _LIBPQ_KEYS:
            foreign.append(key)
        elif not _is_sound(key, value):
            parts.notes.append(f"{key} was ignored: its value is not a number in the range that libpq accepts.")
        elif value:
            options[key] = value
    if foreign:
        parts.notes.append(_foreign_note(foreign))
    return options


def _drop_options(parts: _Parts, value: str) -> None:
    parts.notes.append("options was ignored: poolers reject it, and this server needs no session settings.")
    tenant = _TENANT_OPTION.search(value)
    if tenant and "." not in parts.user and parts.host.lower().endswith(_SUPAVISOR_DOMAIN):
        parts.user = f"{parts.user}.{tenant[1]}"
        parts.notes.append("The project named in options was added to the user name.")


def _is_sound(key: str, value: str) -> bool:
    """Whether libpq would take the value; a ``connect_timeout`` of 0 would mean to wait for ever."""
    if key == "connect_timeout" or key.startswith("keepalives_") or key == "tcp_user_timeout":
        return re.fullmatch(r"0*[1-9][0-9]{0,8}", value) is not None
    return key != "keepalives" or value in {"0", "1"}


def _foreign_note(keys: list[str]) -> str:
    # Only names known beforehand are repeated: after a slip, any other may be a piece of the password.
    names = sorted(_FOREIGN_KEYS.intersection(keys))
    if len(names) < len(set(keys)):
        names.append("unknown parameters")
    return f"{', '.join(names)}: ignored, because Postgres does not know it."


def _build(parts: _Parts, options: dict[str, str], setting: str, sslrootcert: str | None) -> Dsn:
    _refuse_placeholders(parts, setting)
    _check_host(parts.host, setting)
    bare = Dsn(parts.user, parts.password, parts.host, _port(parts.port, setting), parts.database, options)
    if not bare.user and not bare.is_local:
        raise DsnError(f"{setting} contains no user. Use the form postgresql://user:password@host:5432/name.")
    options = _with_tls(bare, setting, sslrootcert, parts.notes)
    return replace(
        bare,
        database=bare.database or _default_database(bare),
        options=MappingProxyType({"gssencmode": "disable", **options}),
        notes=tuple(parts.notes),
    )


def _refuse_placeholders(parts: _Parts, setting: str) -> None:
    if _PASSWORD_PLACEHOLDER.fullmatch(parts.password):
        raise DsnError(f"{setting} still contains a placeholder instead of the password. Insert the database password.")
    for name in ("user", "host", "port", "database"):
        if _PLACEHOLDER.search(getattr(parts, name)):
            raise DsnError(f"{setting} still contains a placeholder instead of the {name}. Insert your own {name}.")


def _check_host(host: str, setting: str) -> None:
    if not host or host.startswith("/") or _HOST.fullmatch(host) or _IPV6.fullmatch(host):
        return
    if "," in host:
        raise DsnError(f"{setting} contains several hosts. Use one of them.")
    raise DsnError(
        f"{setting} has no valid host name after the @. Use the form postgresql://user:password@host:5432/name."
    )


def _port(text: str, setting: str) -> int:
    if not text:
        return DEFAULT_PORT
    if text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536:
        return int(text)
    raise DsnError(f"{setting} has no valid port: it must be a number from 1 to 65535, after the host and a colon.")


def _default_database(dsn: Dsn) -> str:
    """As libpq has it, the user's name; but Supabase's users have no database of their own."""
    return dsn.user if dsn.kind is DsnKind.OTHER and dsn.user else "postgres"


def _with_tls(dsn: Dsn, setting: str, sslrootcert: str | None, notes: list[str]) -> dict[str, str]:
    options = dict(dsn.options)
    if sslrootcert:
        options["sslrootcert"] = sslrootcert
    if options.get("sslmode") in _TRIES_TWICE:
        notes.append(f"sslmode={options.pop('sslmode')} was ignored, because it tries a rejected password twice.")
    options.setdefault("sslmode", _default_sslmode(dsn, has_authority="sslrootcert" in options))
    if options["sslmode"] not in _SSL_MODES:
        raise DsnError(f"{setting} has an unknown sslmode. Use disable, require, verify-ca or verify-full.")
    if options["sslmode"].startswith("verify") and "sslrootcert" not in options and not dsn.is_socket:
        raise DsnError(
            f"{setting} asks for sslmode={options['sslmode']} without a certificate authority. "
            f"Set {_CA_SETTING} to the authority's file or PEM text."
        )
    return options


def _default_sslmode(dsn: Dsn, *, has_authority: bool) -> str:
    if dsn.is_socket:
        return "disable"
    if has_authority:
        return "verify-full"
    return "disable" if dsn.is_local else "require"


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or host.startswith("127.") or host == "::1"


def _is_printable(text: str) -> bool:
    """Whether it is free of control characters and of bytes that weren't UTF-8 (they arrive as lone surrogates)."""
    return not _UNPRINTABLE.search(text)


def _stated(values: Mapping[str, str | None], name: str) -> str:
    return (values.get(name) or "").strip(_BLANK)


def _from_parts(stated: Mapping[str, str], sslrootcert: str | None) -> Dsn:
    host = PART_SETTINGS["host"]
    if "host" not in stated:
        names = ", ".join(PART_SETTINGS[part] for part in stated)
        raise DsnError(f"{names} alone do not specify a database. Set {host} as well, or use LETTA_PG_URI instead.")
    if not all(map(_is_printable, stated.values())):
        raise DsnError(f"{host} or a related variable contains an unprintable character. Enter it again.")
    _port(stated.get("port", ""), PART_SETTINGS["port"])  # so that the message names this setting
    user, password, address, port, database = (stated.get(part, "") for part in PART_SETTINGS)
    parts = _Parts(user, password, address, port, database)
    return _build(parts, {}, host, sslrootcert)


def _refuse_other_parts(chosen: Chosen, stated: Mapping[str, str]) -> None:
    identity = chosen.dsn.identity._asdict()
    for part, text in stated.items():
        if part != "password" and str(identity[part]) != (text.lower() if part == "host" else text):
            raise _disagreement(chosen.setting, PART_SETTINGS[part])


def _disagreement(first: str, second: str) -> DsnError:
    return DsnError(f"{first} and {second} point to different databases. Remove the one that is not meant.")
