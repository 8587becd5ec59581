"""What the doctor is told: everything that a check looks at, but the database's content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from letta.database.configured import configured_dsn
from letta.database.dsn import Chosen, DsnError, DsnKind, parse_dsn
from letta.database.encryption import Keyring
from letta.settings import Settings


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
        quota_mb: size at which the database becomes read-only, if it does.
        connections: how many connections one process opens at most.
        default_model: handle of the model that agents get when they ask for none.
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
    quota_mb: int | None = None
    connections: int = 5
    default_model: str | None = None
    find_models: Callable[[], Sequence[str]] | None = None

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        embedded_uri: str | None = None,
        embedded_key: str | None = None,
        find_models: Callable[[], Sequence[str]] | None = None,
    ) -> "DoctorContext":
        """The installation that the settings describe.

        Args:
            settings: the server's.
            embedded_uri: of the embedded Postgres, used where the settings name no database.
            embedded_key: the encryption key kept beside the embedded Postgres, used where the settings have none.
            find_models: as the field.
        """
        chosen, dsn_error = _database(settings, embedded_uri)
        key = settings.encryption_key.get_secret_value() if settings.encryption_key else embedded_key
        keyring = Keyring()
        keyring.load(key)
        return cls(
            letta_dir=settings.letta_dir,
            chosen=chosen,
            dsn_error=dsn_error,
            on_render=settings.render,
            bind_host=settings.bind_host,
            has_password=settings.server_password is not None,
            allows_no_password=settings.allow_no_password,
            key_fingerprint=keyring.fingerprint,
            quota_mb=_quota_mb(settings, chosen),
            connections=settings.pg_pool_size + settings.pg_max_overflow,
            default_model=settings.default_llm_handle,
            find_models=find_models,
        )


def _database(settings: Settings, embedded_uri: str | None) -> tuple[Chosen | None, str | None]:
    try:
        chosen = configured_dsn(settings)
    except DsnError as error:
        return None, error.detail
    if chosen is None and embedded_uri is not None:
        chosen = Chosen(parse_dsn(embedded_uri), "the embedded Postgres")
    return chosen, None


def _quota_mb(settings: Settings, chosen: Chosen | None) -> int | None:
    """The default is Supabase Free's, which means nothing elsewhere."""
    on_supabase = chosen is not None and chosen.dsn.kind is not DsnKind.OTHER
    return settings.db_quota_mb if on_supabase or "db_quota_mb" in settings.model_fields_set else None
