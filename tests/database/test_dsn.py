import contextlib
from dataclasses import replace
from urllib.parse import quote

import psycopg2.extensions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from letta.database.dsn import Chosen, DsnError, DsnKind, Identity, choose_dsn, lint, parse_dsn

RAW = "p@ss/w#rd%1"
ENCODED = quote(RAW, safe="")
POOLER = "aws-0-eu-central-1.pooler.supabase.com"
USER = "postgres.abcdefghijklmnop"
SESSION = Identity(POOLER, 5432, "postgres", USER)
TRANSACTION = SESSION._replace(port=6543)

MATRIX = {
    "postgres://": f"postgres://{USER}:{ENCODED}@{POOLER}:6543/postgres",
    "postgresql://": f"postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres",
    "asyncpg": f"postgresql+asyncpg://{USER}:{ENCODED}@{POOLER}:6543/postgres",
    "psycopg2": f"postgresql+psycopg2://{USER}:{ENCODED}@{POOLER}:6543/postgres",
    "psycopg": f"postgresql+psycopg://{USER}:{ENCODED}@{POOLER}:6543/postgres",
    "pg8000": f"postgresql+pg8000://{USER}:{ENCODED}@{POOLER}:6543/postgres",
    "upper case scheme": f"POSTGRESQL://{USER}:{ENCODED}@{POOLER}:6543/postgres",
    "raw password": f"postgresql://{USER}:{RAW}@{POOLER}:6543/postgres",
    "raw password and query": f"postgresql://{USER}:{RAW}@{POOLER}:6543/postgres?sslmode=require",
    "pgbouncer": f"postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres?pgbouncer=true",
    "supa": f"postgres://{USER}:{ENCODED}@{POOLER}:6543/postgres?sslmode=require&supa=base-pooler.x",
    "connection_limit": f"postgres://{USER}:{ENCODED}@{POOLER}:6543/postgres?pgbouncer=true&connection_limit=1",
    "schema": f"postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres?schema=x&pool_timeout=0",
    "options": f"postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres?options=-csearch_path%3Dx",
    "ssl=true": f"postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres?ssl=true",
    "double quotes": f'"postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres"',
    "single quotes": f"'postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres'",
    "curly quotes": f"“postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres”",
    "trailing newline": f"postgresql://{USER}:{ENCODED}@{POOLER}:6543/postgres\n",
    "white space around": f"\ufeff  postgresql://{USER}:{RAW}@{POOLER}:6543/postgres \r\n",
    "no database": f"postgresql://{USER}:{RAW}@{POOLER}:6543",
    "empty database": f"postgresql://{USER}:{RAW}@{POOLER}:6543/",
    "trailing slash": f"postgresql://{USER}:{RAW}@{POOLER}:6543/postgres/",
    "encoded user": f"postgresql://{quote(USER, safe='').replace('.', '%2E')}:{RAW}@{POOLER}:6543/postgres",
    "places in the query": f"postgresql://?host={POOLER}&port=6543&user={USER}&password={RAW}&dbname=postgres",
    "project in options": f"postgres://postgres:{RAW}@{POOLER}:6543/?options=reference%3Dabcdefghijklmnop",
}


@pytest.mark.parametrize("text", MATRIX.values(), ids=MATRIX.keys())
def test_every_form_of_the_matrix_means_the_same_database(text: str) -> None:
    dsn = parse_dsn(text)
    assert dsn.identity == TRANSACTION
    assert dsn.password == RAW
    assert dict(dsn.options) == {"sslmode": "require", "gssencmode": "disable"}
    _assert_silent(repr(dsn), dsn.masked(), *dsn.notes)


@pytest.mark.parametrize("text", MATRIX.values(), ids=MATRIX.keys())
def test_libpq_takes_the_arguments_as_they_are(text: str) -> None:
    arguments = parse_dsn(text).connect_arguments("letta")
    written = psycopg2.extensions.make_dsn(None, **{key: str(value) for key, value in arguments.items()})
    understood = psycopg2.extensions.parse_dsn(written)
    assert understood["password"] == RAW
    assert understood["host"] == POOLER
    assert understood["dbname"] == "postgres"


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("pgbouncer=true&supa=base-pooler.x", "pgbouncer, supa: ignored, because Postgres does not know it."),
        (
            "statement_cache_size=0&w%23rd=1&rd=2",
            "statement_cache_size, unknown parameters: ignored, because Postgres does not know it.",
        ),
        ("options=-c%20statement_timeout%3D5", "options was ignored: poolers reject it"),
        ("sslmode=prefer", "sslmode=prefer was ignored, because it tries a rejected password twice"),
        ("connect_timeout=0", "connect_timeout was ignored"),
        ("keepalives=maybe", "keepalives was ignored"),
    ],
)
def test_what_is_dropped_is_told(query: str, note: str) -> None:
    assert any(note in found for found in parse_dsn(f"postgres://u:p@h.example/db?{query}").notes)


def test_a_sound_string_has_no_notes() -> None:
    assert parse_dsn(f"postgresql://u:{ENCODED}@h.example/db?sslmode=verify-full&sslrootcert=/ca.pem").notes == ()


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ("a%40b", "a@b"),
        ("100%", "100%"),
        ("%zz%41", "%zz%41"),
        ("rd%1c", "rd%1c"),  # a control character is never what was meant
        ("%ff", "%ff"),  # no UTF-8
        ("a:b@c:d", "a:b@c:d"),
        ("a?b&c=d", "a?b&c=d"),
        ("a b", "a b"),
        ("[real]", "[real]"),
        ("ключ", "ключ"),
        ("", ""),
    ],
)
def test_password_is_decoded_when_valid_else_literal(written: str, password: str) -> None:
    assert parse_dsn(f"postgresql://u:{written}@h.example/db").password == password


def test_percent_that_encodes_nothing_is_told_without_showing_it() -> None:
    notes = parse_dsn("postgresql://u:hunter%2@h.example/db").notes
    assert len(notes) == 1
    assert "used as it is" in notes[0]
    assert "hunter" not in notes[0]


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("postgresql://u:p@[2001:db8::1]:6000/db", Identity("2001:db8::1", 6000, "db", "u")),
        ("postgresql://u:p@[2001:db8::1]", Identity("2001:db8::1", 5432, "u", "u")),
        ("postgresql://u:p@[::1]/db", Identity("::1", 5432, "db", "u")),
        ("postgresql://u:p@/db?host=/var/run/postgresql", Identity("/var/run/postgresql", 5432, "db", "u")),
        ("postgresql:///db?host=/tmp&user=u&port=6000", Identity("/tmp", 6000, "db", "u")),
        ("postgresql:///db?user=u&password=p@ss", Identity("", 5432, "db", "u")),
        ("postgresql://u:p@h.example/db?application_name=a@b", Identity("h.example", 5432, "db", "u")),
        (
            "postgresql://u:p@h.example/db?sslmode=disable&application_name=a@b:1",
            Identity("h.example", 5432, "db", "u"),
        ),
        ("postgresql://u:p?user=x@h.example/db?sslmode=disable", Identity("h.example", 5432, "db", "u")),
        ("postgresql://u:p?x@y@h.example/db", Identity("h.example", 5432, "db", "u")),
        ("postgresql://localhost/db?user=u&application_name=a@b", Identity("localhost", 5432, "db", "u")),
        ("postgresql://u@%2Fvar%2Frun/db", Identity("/var/run", 5432, "db", "u")),
        ("postgresql:///", Identity("", 5432, "postgres", "")),
        ("postgresql://", Identity("", 5432, "postgres", "")),
        ("postgresql://localhost", Identity("localhost", 5432, "postgres", "")),
        ("postgresql://letta:letta@letta_db/my%20db", Identity("letta_db", 5432, "my db", "letta")),
        ("postgresql://u:p@H.Example:05432/u", Identity("h.example", 5432, "u", "u")),
        (
            "postgresql://postgres:p@db.abcdefgh.supabase.co",
            Identity("db.abcdefgh.supabase.co", 5432, "postgres", "postgres"),
        ),
    ],
)
def test_places(text: str, identity: Identity) -> None:
    assert parse_dsn(text).identity == identity


@pytest.mark.parametrize(
    ("place", "sslmode"),
    [
        ("u:p@h.example/db", "require"),
        ("u:p@10.0.0.7/db", "require"),
        ("u:p@h.example/db?sslmode=disable", "disable"),
        ("u:p@h.example/db?sslmode=verify-full&sslrootcert=/ca.pem", "verify-full"),
        ("u:p@h.example/db?sslmode=verify-full&sslrootcert=system", "verify-full"),
        ("u:p@h.example/db?sslmode=require&sslrootcert=/ca.pem", "require"),
        ("u:p@h.example/db?sslrootcert=/ca.pem", "verify-full"),
        ("u:p@h.example/db?sslmode=allow", "require"),
        ("u:p@h.example/db?ssl=verify-ca&sslrootcert=/ca.pem", "verify-ca"),
        ("u:p@h.example/db?ssl=false", "disable"),
        ("u:p@localhost/db", "disable"),
        ("u:p@127.0.0.2/db", "disable"),
        ("u:p@[::1]/db", "disable"),
        ("u:p@localhost/db?sslmode=prefer", "disable"),
        ("u:p@localhost/db?sslmode=require", "require"),
        ("u:p@/db?host=/tmp&sslrootcert=/ca.pem", "disable"),
    ],
)
def test_sslmode_is_always_said_and_never_prefer(place: str, sslmode: str) -> None:
    arguments = parse_dsn(f"postgresql://{place}").connect_arguments("letta")
    assert arguments["sslmode"] == sslmode
    assert arguments["gssencmode"] == "disable"


def test_certificate_authority_of_the_setting_beats_the_strings_own() -> None:
    dsn = parse_dsn("postgresql://u:p@h.example/db?sslmode=verify-full&sslrootcert=/old.pem", sslrootcert="/new.pem")
    assert dsn.options["sslrootcert"] == "/new.pem"
    assert parse_dsn("postgresql://u:p@h.example/db", sslrootcert="/new.pem").options["sslmode"] == "verify-full"


def test_connect_arguments_bound_every_wait() -> None:
    arguments = parse_dsn("postgresql://u:p@h.example/db").connect_arguments("letta/1 abc")
    assert arguments == {
        "host": "h.example",
        "port": 5432,
        "user": "u",
        "password": "p",
        "dbname": "db",
        "options": "",
        "application_name": "letta/1 abc",
        "sslmode": "require",
        "gssencmode": "disable",
        "connect_timeout": 10,
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }


def test_what_the_string_states_wins_over_our_defaults() -> None:
    query = "connect_timeout=3&application_name=mine&keepalives_idle=7&target_session_attrs=read-write"
    arguments = parse_dsn(f"postgresql://u:p@h.example/db?{query}").connect_arguments("letta")
    assert (arguments["connect_timeout"], arguments["application_name"]) == ("3", "mine")
    assert (arguments["keepalives_idle"], arguments["target_session_attrs"]) == ("7", "read-write")


def test_what_is_missing_is_left_to_libpq() -> None:
    arguments = parse_dsn("postgresql:///db").connect_arguments("letta")
    assert not {"host", "user", "password"} & arguments.keys()


REFUSED = {
    "placeholder": (
        f"postgresql://{USER}:[YOUR-PASSWORD]@{POOLER}:6543/postgres",
        "placeholder instead of the password",
    ),
    "encoded placeholder": (f"postgresql://u:%5BYOUR-PASSWORD%5D@{POOLER}/x", "placeholder instead of the password"),
    "<password>": (f"postgresql://u:<password>@{POOLER}/x", "placeholder instead of the password"),
    "${DB_PASSWORD}": (f"postgresql://u:${{DB_PASSWORD}}@{POOLER}/x", "placeholder instead of the password"),
    "your-password": (f"postgresql://u:your-password@{POOLER}/x", "placeholder instead of the password"),
    "project ref": (f"postgresql://postgres.[YOUR-PROJECT-REF]:{RAW}@{POOLER}/x", "placeholder instead of the user"),
    "host": (f"postgresql://u:{RAW}@[YOUR-HOST]:5432/x", "placeholder instead of the host"),
    "region": (f"postgresql://u:{RAW}@aws-0-<region>.pooler.supabase.com/x", "placeholder instead of the host"),
    "empty": ("  ", "is not a Postgres connection string"),
    "garbage": (RAW, "is not a Postgres connection string"),
    "mysql": (f"mysql://u:{RAW}@h.example/db", "is not a Postgres connection string"),
    "name = value": (f"DATABASE_URL=postgresql://u:{RAW}@h.example/db", "is not a Postgres connection string"),
    "key/value form": (f"host=h.example password={RAW}", "is not a Postgres connection string"),
    "two lines": (f"postgresql://u:{RAW}\n@h.example/db", "as one line"),
    "not UTF-8": (f"postgresql://u:{RAW}\udcff@h.example/db", "as one line"),
    "port": (f"postgresql://u:{RAW}@h.example:{RAW.replace('@', '')}/db", "no valid port"),
    "port 0": (f"postgresql://u:{RAW}@h.example:0/db", "no valid port"),
    "port 70000": (f"postgresql://u:{RAW}@h.example:70000/db", "no valid port"),
    "no @": (f"postgresql://u:{RAW.replace('@', '')}", "no valid port"),
    "bad host": (f"postgresql://u:{RAW}@h example/db", "no valid host name"),
    "several hosts": (f"postgresql://u:{RAW}@one.example,two.example/db", "several hosts"),
    "no user": ("postgresql://h.example/db", "contains no user"),
    "unknown sslmode": (f"postgresql://u:{RAW}@h.example/db?sslmode=w%23rd", "unknown sslmode"),
    "verify-full": (f"postgresql://u:{RAW}@h.example/db?sslmode=verify-full", "LETTA_PG_SSLROOTCERT"),
    "verify-ca": (f"postgresql://u:{RAW}@h.example/db?sslmode=verify-ca", "LETTA_PG_SSLROOTCERT"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_work_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(DsnError) as caught:
        parse_dsn(text, setting="DATABASE_URL")
    shown = str(caught.value)
    assert shown.startswith("DATABASE_URL ")
    assert message in shown
    assert "\n" not in shown
    _assert_silent(shown)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("place", "kind", "maintenance_port"),
    [
        (f"{USER}:p@{POOLER}:5432", DsnKind.SUPAVISOR_SESSION, 5432),
        (f"{USER}:p@{POOLER}:6543", DsnKind.SUPAVISOR_TRANSACTION, 5432),
        ("postgres:p@db.abcdefgh.supabase.co:5432", DsnKind.SUPABASE_DIRECT, 5432),
        ("postgres:p@db.abcdefgh.supabase.co:6543", DsnKind.DEDICATED_POOLER, 5432),
        ("postgres:p@localhost:6543", DsnKind.OTHER, 6543),
    ],
)
def test_kind_and_maintenance(place: str, kind: DsnKind, maintenance_port: int) -> None:
    dsn = parse_dsn(f"postgresql://{place}/postgres")
    assert dsn.kind is kind
    assert dsn.maintenance_dsn() == replace(dsn, port=maintenance_port)


def test_masked() -> None:
    assert parse_dsn("postgres://u s:p@[2001:db8::1]/a b").masked() == (
        "postgresql://u%20s:***@[2001:db8::1]:5432/a%20b?sslmode=require"
    )
    assert parse_dsn("postgresql:///db?host=/tmp").masked() == ("postgresql:///db?host=/tmp&port=5432&sslmode=disable")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"postgres://postgres:p@{POOLER}/postgres", "postgres.<project ref>"),
        ("postgres://postgres:p@db.abcdefgh.supabase.co/postgres", "only reachable over IPv6"),
        ("postgres://postgres.abc:p@db.abcdefgh.supabase.co:6543/postgres", "role's name alone"),
        ("postgres://u:[p]@h.example/db", "brackets"),
        ("postgres://u@h.example/db", "has no password"),
        ("postgres://u:p@h.example/db?sslmode=disable", "unencrypted"),
    ],
)
def test_lint(text: str, complaint: str) -> None:
    assert any(complaint in found for found in lint(parse_dsn(text)))


def test_lint_is_content_with_what_is_advised() -> None:
    assert lint(parse_dsn(f"postgres://{USER}:p@{POOLER}/postgres")) == ()
    assert lint(parse_dsn("postgres://letta@/letta")) == ()


# Printable, because a code for a control character in a connection string is taken literally.
passwords = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@given(passwords)
def test_encoded_password_comes_back(password: str) -> None:
    dsn = parse_dsn(f"postgresql://u:x{quote(password, safe='')}@h.example/db")
    assert dsn.password == f"x{password}"


@given(passwords)
def test_raw_password_comes_back(password: str) -> None:
    raw = "x" + password.replace("%", "")
    assert parse_dsn(f"postgresql://u:{raw}@h.example/db?sslmode=require").password == raw


@given(passwords.filter(lambda password: len(password) > 8), st.booleans())
def test_nothing_for_people_depends_on_the_password(password: str, raw: bool) -> None:
    written = password if raw else quote(password, safe="")
    dsn = parse_dsn(f"postgresql://u:x{written}@h.example/db")
    other = parse_dsn("postgresql://u:x%@h.example/db" if dsn.notes else "postgresql://u:x@h.example/db")
    assert (dsn.masked(), repr(dsn), dsn.notes) == (other.masked(), repr(other), other.notes)
    assert password not in dsn.masked()


@given(st.text(max_size=60))
def test_no_string_is_answered_with_anything_but_a_refusal(rest: str) -> None:
    for text in (rest, f"postgresql://{rest}", f"postgresql://u:p@{rest}", f"postgresql://u:p@h.example/db?{rest}"):
        with contextlib.suppress(DsnError):
            assert parse_dsn(text).connect_arguments("letta")["port"]


PARTS = {
    "LETTA_PG_HOST": "h.example",
    "LETTA_PG_PORT": "5432",
    "LETTA_PG_USER": "u",
    "LETTA_PG_PASSWORD": RAW,
    "LETTA_PG_DB": "db",
}
URI = f"postgresql://u:{RAW}@H.example/db"


@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        ({"LETTA_PG_URI": URI, "DATABASE_URL": URI, **PARTS}, "LETTA_PG_URI"),
        ({"LETTA_PG_URI": None, "DATABASE_URL": URI, **PARTS}, "DATABASE_URL"),
        ({"LETTA_PG_URI": " ", "DATABASE_URL": "", **PARTS}, "LETTA_PG_HOST"),
        ({"LETTA_PG_URI": URI, "LETTA_PG_USER": "u"}, "LETTA_PG_URI"),
        ({"LETTA_PG_URI": URI, "LETTA_PG_PASSWORD": "another"}, "LETTA_PG_URI"),
    ],
)
def test_precedence(environment: dict[str, str | None], setting: str) -> None:
    chosen = choose_dsn(environment)
    assert chosen is not None
    assert chosen.setting == setting
    assert chosen.dsn.identity == ("h.example", 5432, "db", "u")
    assert chosen.dsn.password == RAW


def test_nothing_set_is_none() -> None:
    assert choose_dsn({}) is None
    assert choose_dsn(dict.fromkeys(["LETTA_PG_URI", "DATABASE_URL", *PARTS], "\n")) is None


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"LETTA_PG_URI": URI, "DATABASE_URL": "postgresql://u:p@other.example/db"}, ("LETTA_PG_URI", "DATABASE_URL")),
        ({"LETTA_PG_URI": URI, **PARTS, "LETTA_PG_DB": "x"}, ("LETTA_PG_URI", "LETTA_PG_DB")),
        ({"DATABASE_URL": URI, "LETTA_PG_HOST": "x"}, ("DATABASE_URL", "LETTA_PG_HOST")),
        ({"DATABASE_URL": URI, "LETTA_PG_PORT": "6543"}, ("DATABASE_URL", "LETTA_PG_PORT")),
    ],
)
def test_two_settings_that_disagree_are_both_named(environment: dict[str, str], names: tuple[str, str]) -> None:
    with pytest.raises(DsnError) as caught:
        choose_dsn(environment)
    assert (
        str(caught.value)
        == f"{names[0]} and {names[1]} point to different databases. Remove the one that is not meant."
    )


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"LETTA_PG_USER": "u", "LETTA_PG_DB": "db"}, "LETTA_PG_USER, LETTA_PG_DB alone do not"),
        ({**PARTS, "LETTA_PG_PORT": "abc"}, "LETTA_PG_PORT has no valid port"),
        ({**PARTS, "LETTA_PG_HOST": URI}, "LETTA_PG_HOST has no valid host name"),
        ({**PARTS, "LETTA_PG_PASSWORD": "[YOUR-PASSWORD]"}, "placeholder instead of the password"),
        ({**PARTS, "LETTA_PG_PASSWORD": f"{RAW}\udcff"}, "unprintable"),
        ({"LETTA_PG_HOST": "h.example"}, "contains no user"),
        ({"DATABASE_URL": f"sqlite:///{RAW}"}, "DATABASE_URL is not a Postgres connection string"),
    ],
)
def test_settings_that_cannot_work_are_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(DsnError, match=message) as caught:
        choose_dsn(environment)
    _assert_silent(str(caught.value))


def test_parts_are_taken_literally() -> None:
    chosen = choose_dsn({**PARTS, "LETTA_PG_PASSWORD": "a%40b"}, sslrootcert="/ca.pem")
    assert isinstance(chosen, Chosen)
    assert chosen.dsn.password == "a%40b"
    assert chosen.dsn.options["sslmode"] == "verify-full"


def _assert_silent(*texts: str) -> None:
    for text in texts:
        assert not any(piece in text for piece in ("p@ss", "w#rd", ENCODED, "pass/w"))
