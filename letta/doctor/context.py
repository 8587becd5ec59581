"""What the doctor is told: everything that a check looks at, but the database's content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from letta.database.configured import configured_dsn, maintenance_dsn, quota_mb
from letta.database.dsn import Chosen, Dsn, DsnError, parse_dsn
from letta.database.encryption import Keyring
from letta.sandbox.policy import engine_name
from letta.server.keys import configured_key
from letta.server.policy import is_loopback
from letta.settings import Settings


@dataclass(frozen=True)
class Embedded:
    """The embedded Postgres, where the settings name no other database.

    Args:
        uri: of the running one; None where none has been made yet.
        key: the encryption key beside it, if there is one.
        problem: why it can't be used, instead of all others.
        key_problem: why its key can't be used.
    """

    uri: str | None = None
    key: str | None = None
    problem: str | None = None
    key_problem: str | None = None


@dataclass(frozen=True)
class DoctorContext:
    """The installation to look at.

    Args:
        letta_dir: where the server writes its files.
        chosen: the database, and the setting that names it.
        dsn_error: why the database settings can't be used, instead.
        on_render: whether this is an instance on Render.
        bind_host: the address that the server listens on.
        has_password: whether requests must carry one.
        allows_no_password: whether to serve without one was decided on purpose.
        key_fingerprint: of the encryption key, if there is one.
        key_problem: why it can't be used, instead.
        key_is_made: whether the server makes one where there is none.
        maintenance: the way to the database on which indexes are built; found from ``chosen`` if there is none.
        maintenance_problem: why the setting that names it can't be used, instead.
        quota_mb: size at which the database becomes read-only, if it does.
        connections: how many connections one process opens at most.
        default_model: handle of the model that agents get when they ask for none.
        tool_engine: what runs custom tools.
        has_e2b_key: whether there is a key for E2B.
        find_models: lists the handles of the models that can be used; raises `LettaError` when it can't.
    """

    letta_dir: Path
    chosen: Chosen | None = None
    dsn_error: str | None = None
    on_render: bool = False
    bind_host: str = "127.0.0.1"
    has_password: bool = False
    allows_no_password: bool = False
    key_fingerprint: str | None = None
    key_problem: str | None = None
    key_is_made: bool = False
    maintenance: Dsn | None = None
    maintenance_problem: str | None = None
    quota_mb: int | None = None
    connections: int = 5
    default_model: str | None = None
    tool_engine: str = "process"
    has_e2b_key: bool = False
    find_models: Callable[[], Sequence[str]] | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return not self.on_render and is_loopback(self.bind_host)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        embedded: Embedded | None = None,
        find_models: Callable[[], Sequence[str]] | None = None,
    ) -> "DoctorContext":
        """The installation that the settings describe.

        Args:
            settings: the server's.
            embedded: used where the settings name no database; its key where they hold none.
            find_models: as the field.
        """
        chosen, dsn_error = _database(settings, embedded)
        beside = embedded if embedded is not None and settings.encryption_key is None else None
        keyring = Keyring()
        keyring.load(beside.key if beside else configured_key(settings))
        return cls(
            letta_dir=settings.letta_dir,
            chosen=chosen,
            dsn_error=dsn_error,
            on_render=settings.render,
            bind_host=settings.bind_host,
            has_password=settings.server_password is not None,
            allows_no_password=settings.allow_no_password,
            key_fingerprint=keyring.fingerprint,
            key_problem=beside.key_problem if beside else None,
            key_is_made=beside is not None and not settings.render,
            **_maintenance(settings, chosen),
            quota_mb=quota_mb(settings, chosen.dsn if chosen else None),
            connections=settings.pg_pool_size + settings.pg_max_overflow,
            default_model=settings.default_llm_handle,
            tool_engine=engine_name(settings),
            has_e2b_key=settings.e2b_api_key is not None,
            find_models=find_models,
        )


def _maintenance(settings: Settings, chosen: Chosen | None) -> dict[str, Any]:
    if chosen is None:
        return {}
    try:
        return {"maintenance": maintenance_dsn(settings, chosen.dsn)}
    except DsnError as error:
        return {"maintenance_problem": error.detail}


def _database(settings: Settings, embedded: Embedded | None) -> tuple[Chosen | None, str | None]:
    try:
        chosen = configured_dsn(settings)
    except DsnError as error:
        return None, error.detail
    if chosen is None and embedded is not None:
        chosen = Chosen(parse_dsn(embedded.uri), "the embedded Postgres") if embedded.uri else None
        return chosen, embedded.problem
    return chosen, None
