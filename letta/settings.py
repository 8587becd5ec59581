"""Every environment variable that the server reads, read once and typed.

Names are those that operators of the former server know, where such a name exists.
"""

import os
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from letta.constants import LETTA_DIR
from letta.errors import ConfigurationError


class DatabaseChoice(Enum):
    """The storage engines there are: one."""

    POSTGRES = "postgres"


def _stripped(value: object) -> object:
    """Without the line end that came along when it was pasted; what is blank is unset."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return value.strip() or None if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _expanded(value: Path | None) -> Path | None:
    """With the home directory that a shell has left as ``~``, because it was quoted."""
    try:
        return value and value.expanduser()
    except RuntimeError as error:
        raise ValueError("the home directory that ~ stands for isn't known") from error


LogLevel = Literal["DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"]

_Text = Annotated[str | None, BeforeValidator(_stripped)]
_Secret = Annotated[SecretStr | None, BeforeValidator(_stripped)]


def _env(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class Settings(BaseSettings):
    """Configuration of one server process. Field descriptions are the reference documentation of each variable."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=True, populate_by_name=True, env_ignore_empty=True)

    # Files
    letta_dir: Path = Field(
        Path(LETTA_DIR),
        validation_alias=_env("LETTA_DIR"),
        description="Logs, configuration and cache; safe to lose.",
    )

    # Database
    pg_uri: _Secret = Field(
        None,
        validation_alias=_env("LETTA_PG_URI"),
        description="Postgres connection string. Beats every other form.",
    )
    database_url: _Secret = Field(
        None,
        validation_alias=_env("DATABASE_URL"),
        description="Connection string under the name that many hosts set.",
    )
    pg_host: _Text = Field(
        None, validation_alias=_env("LETTA_PG_HOST"), description="Database host, when no URI is set."
    )
    pg_port: int | None = Field(None, validation_alias=_env("LETTA_PG_PORT"), description="Database port (5432).")
    pg_user: _Text = Field(None, validation_alias=_env("LETTA_PG_USER"), description="Database user.")
    pg_password: _Secret = Field(None, validation_alias=_env("LETTA_PG_PASSWORD"), description="Database password.")
    pg_db: _Text = Field(None, validation_alias=_env("LETTA_PG_DB"), description="Database name.")
    pg_schema: str = Field(
        "letta",
        validation_alias=_env("LETTA_PG_SCHEMA"),
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="Schema that holds the server's tables. Never `public` on Supabase.",
    )
    pg_sslrootcert: _Text = Field(
        None,
        validation_alias=_env("LETTA_PG_SSLROOTCERT"),
        description="Certificate authority for sslmode=verify-*: a path, or the PEM text itself.",
    )
    pg_pool_size: int = Field(
        3,
        ge=1,
        le=50,
        validation_alias=_env("LETTA_PG_POOL_SIZE"),
        description="Connections kept open per process.",
    )
    pg_max_overflow: int = Field(
        2,
        ge=0,
        le=50,
        validation_alias=_env("LETTA_PG_MAX_OVERFLOW"),
        description="Further connections under load.",
    )
    pg_pool_timeout: float = Field(
        10,
        gt=0,
        validation_alias=_env("LETTA_PG_POOL_TIMEOUT"),
        description="Seconds to wait for a free connection.",
    )
    pg_maintenance_uri: _Secret = Field(
        None,
        validation_alias=_env("LETTA_PG_MAINTENANCE_URI"),
        description="Session or direct connection string for index builds and backups.",
    )
    exact_search_rows: int = Field(
        20_000,
        ge=0,
        validation_alias=_env("LETTA_EXACT_SEARCH_ROWS"),
        description="Vectors up to which an archive is searched by comparing all of them; larger ones get an index.",
    )
    pg_data: Annotated[Path | None, AfterValidator(_expanded)] = Field(
        None,
        validation_alias=_env("LETTA_PG_DATA"),
        description="Data directory of the embedded Postgres, used when no database is configured.",
    )
    db_quota_mb: int = Field(
        500,
        gt=0,
        validation_alias=_env("LETTA_DB_QUOTA_MB"),
        description="Size at which the database becomes read-only (Supabase Free: 500); the doctor warns before it.",
    )

    # HTTP
    host: _Text = Field(
        None, validation_alias=_env("HOST"), description="Address to bind. 0.0.0.0 on Render, else 127.0.0.1."
    )
    port: int | None = Field(
        None,
        ge=0,
        le=65535,
        validation_alias=_env("PORT"),
        description="Port to bind (10000 on Render, else 8283).",
    )
    server_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        validation_alias=_env("LETTA_SERVER_PORT"),
        description="Port to bind, when PORT is not set.",
    )
    server_password: _Secret = Field(
        None,
        validation_alias=_env("LETTA_SERVER_PASSWORD"),
        description="Password that every request must carry.",
    )
    server_secure: bool = Field(
        False,
        validation_alias=_env("LETTA_SERVER_SECURE", "SECURE"),
        description="Demand a password even on loopback.",
    )
    allow_no_password: bool = Field(
        False,
        validation_alias=_env("LETTA_ALLOW_NO_PASSWORD"),
        description="Serve on a public address without a password. Anybody may then read and change everything.",
    )
    no_default_actor: bool = Field(
        False,
        validation_alias=_env("LETTA_NO_DEFAULT_ACTOR"),
        description="Refuse requests that name no known user.",
    )
    acceptable_origins: str = Field(
        "",
        validation_alias=_env("ACCEPTABLE_ORIGINS"),
        description="Further CORS origins, separated by commas.",
    )
    graceful_shutdown_seconds: float = Field(
        100,
        gt=0,
        validation_alias=_env("LETTA_GRACEFUL_SHUTDOWN_SECONDS"),
        description="Seconds that running turns get after SIGTERM; keep it below the host's own limit.",
    )
    max_body_mb: int = Field(
        50,
        gt=0,
        validation_alias=_env("LETTA_MAX_BODY_MB"),
        description="Largest request body that is accepted.",
    )
    max_concurrent_runs: int = Field(
        256,
        gt=0,
        validation_alias=_env("LETTA_MAX_CONCURRENT_RUNS"),
        description="Turns one process runs at once.",
    )

    # Secrets
    encryption_key: _Secret = Field(
        None,
        validation_alias=_env("LETTA_ENCRYPTION_KEY"),
        description="Key that encrypts secrets in the database.",
    )

    # Models
    default_llm_handle: _Text = Field(
        None,
        validation_alias=_env("LETTA_DEFAULT_LLM_HANDLE"),
        description="Model for agents created without one.",
    )
    default_embedding_handle: _Text = Field(
        None,
        validation_alias=_env("LETTA_DEFAULT_EMBEDDING_HANDLE"),
        description="Embedding model for agents and archives created without one.",
    )
    global_max_context_window_limit: int = Field(
        128_000,
        gt=0,
        validation_alias=_env("GLOBAL_MAX_CONTEXT_WINDOW_LIMIT"),
        description="Largest context window given to an agent that asks for none.",
    )
    llm_request_timeout_seconds: float = Field(
        60,
        gt=0,
        validation_alias=_env("LETTA_LLM_REQUEST_TIMEOUT_SECONDS"),
        description="Longest silence of a model that answers in one piece.",
    )
    llm_stream_timeout_seconds: float = Field(
        600,
        gt=0,
        validation_alias=_env("LETTA_LLM_STREAM_TIMEOUT_SECONDS"),
        description="Longest time that a streamed answer may take.",
    )
    llm_max_retries: int = Field(
        2,
        ge=0,
        le=10,
        validation_alias=_env("LETTA_LLM_MAX_RETRIES"),
        description="Repetitions after a transient model failure.",
    )
    openai_api_key: _Secret = Field(None, validation_alias=_env("OPENAI_API_KEY"), description="OpenAI, or compatible.")
    openai_base_url: _Text = Field(
        None,
        validation_alias=_env("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        description="Base URL of an OpenAI-compatible service, used with OPENAI_API_KEY.",
    )
    anthropic_api_key: _Secret = Field(
        None, validation_alias=_env("ANTHROPIC_API_KEY"), description="Anthropic, for Claude models."
    )
    anthropic_base_url: _Text = Field(
        None,
        validation_alias=_env("ANTHROPIC_BASE_URL"),
        description="Base URL of a service that speaks Anthropic's Messages API, used with ANTHROPIC_API_KEY.",
    )
    gemini_api_key: _Secret = Field(
        None, validation_alias=_env("GEMINI_API_KEY"), description="Google AI Studio, for Gemini models."
    )
    gemini_base_url: _Text = Field(
        None,
        validation_alias=_env("GEMINI_BASE_URL"),
        description="Base URL of a service that speaks the Gemini API, used with GEMINI_API_KEY.",
    )
    azure_api_key: _Secret = Field(None, validation_alias=_env("AZURE_API_KEY"), description="OpenAI on Azure.")
    azure_base_url: _Text = Field(
        None,
        validation_alias=_env("AZURE_BASE_URL"),
        description="Address of the Azure resource, such as https://NAME.openai.azure.com.",
    )
    azure_api_version: _Text = Field(
        None,
        validation_alias=_env("AZURE_API_VERSION"),
        description="Version of Azure's API, where the resource doesn't offer the one without versions (/openai/v1).",
    )
    openrouter_api_key: _Secret = Field(None, validation_alias=_env("OPENROUTER_API_KEY"), description="OpenRouter.")
    openrouter_handle_base: _Text = Field(
        None, validation_alias=_env("OPENROUTER_HANDLE_BASE"), description="Prefix of OpenRouter handles."
    )
    groq_api_key: _Secret = Field(None, validation_alias=_env("GROQ_API_KEY"), description="Groq.")
    together_api_key: _Secret = Field(None, validation_alias=_env("TOGETHER_API_KEY"), description="Together.")
    deepseek_api_key: _Secret = Field(None, validation_alias=_env("DEEPSEEK_API_KEY"), description="DeepSeek.")
    xai_api_key: _Secret = Field(None, validation_alias=_env("XAI_API_KEY"), description="xAI.")
    fireworks_api_key: _Secret = Field(None, validation_alias=_env("FIREWORKS_API_KEY"), description="Fireworks.")
    zai_api_key: _Secret = Field(None, validation_alias=_env("ZAI_API_KEY"), description="Z.ai.")
    minimax_api_key: _Secret = Field(None, validation_alias=_env("MINIMAX_API_KEY"), description="MiniMax.")
    baseten_api_key: _Secret = Field(None, validation_alias=_env("BASETEN_API_KEY"), description="Baseten.")
    vllm_api_base: _Text = Field(None, validation_alias=_env("VLLM_API_BASE"), description="Base URL of a vLLM server.")
    vllm_api_key: _Secret = Field(
        None, validation_alias=_env("VLLM_API_KEY"), description="Key of the vLLM server, if any."
    )
    vllm_handle_base: _Text = Field(
        None, validation_alias=_env("VLLM_HANDLE_BASE"), description="Prefix of vLLM handles."
    )
    sglang_api_base: _Text = Field(
        None, validation_alias=_env("SGLANG_API_BASE"), description="Base URL of an SGLang server."
    )
    sglang_api_key: _Secret = Field(
        None, validation_alias=_env("SGLANG_API_KEY"), description="Key of the SGLang server, if any."
    )
    sglang_handle_base: _Text = Field(
        None, validation_alias=_env("SGLANG_HANDLE_BASE"), description="Prefix of SGLang handles."
    )
    lmstudio_base_url: _Text = Field(
        None, validation_alias=_env("LMSTUDIO_BASE_URL"), description="Base URL of LM Studio."
    )
    ollama_base_url: _Text = Field(None, validation_alias=_env("OLLAMA_BASE_URL"), description="Base URL of Ollama.")

    # Tools
    exa_api_key: _Secret = Field(None, validation_alias=_env("EXA_API_KEY"), description="Exa, for web search.")
    exa_base_url: str = Field(
        "https://api.exa.ai", validation_alias=_env("EXA_BASE_URL"), description="Address of the search service."
    )

    # Turns
    run_lease_seconds: float = Field(
        20,
        gt=0,
        validation_alias=_env("LETTA_RUN_LEASE_SECONDS"),
        description="Time after which a run of a vanished process may be taken over.",
    )
    queue_seconds: float = Field(
        60,
        gt=0,
        validation_alias=_env("LETTA_QUEUE_SECONDS"),
        description="Longest time that a message sent with queue=true waits for a busy conversation.",
    )
    allow_private_urls: str = Field(
        "",
        validation_alias=_env("LETTA_ALLOW_PRIVATE_URLS"),
        description="Hosts in private networks that URLs given by users may lead to, separated by commas.",
    )
    approval_ttl: float = Field(
        0,
        ge=0,
        validation_alias=_env("LETTA_APPROVAL_TTL"),
        description="Seconds after which a tool call that waits for approval counts as denied when the next message "
        "arrives. 0: never.",
    )
    keepalive_interval: float = Field(
        20,
        gt=0,
        validation_alias=_env("LETTA_KEEPALIVE_INTERVAL"),
        description="Seconds between pings of a stream.",
    )
    track_provider_trace: bool = Field(
        True,
        validation_alias=_env("LETTA_TRACK_PROVIDER_TRACE"),
        description="Keep the request and answer of each model call for some days.",
    )
    trace_retention_days: float = Field(
        3,
        ge=0,
        validation_alias=_env("LETTA_TRACE_RETENTION_DAYS"),
        description="Days that provider traces are kept.",
    )
    trace_max_mb: int = Field(
        50,
        ge=0,
        validation_alias=_env("LETTA_TRACE_MAX_MB"),
        description="Most space that provider traces may take.",
    )

    # Memory
    archival_memory_token_limit: int = Field(
        8192,
        gt=0,
        validation_alias=_env("LETTA_ARCHIVAL_MEMORY_TOKEN_LIMIT"),
        description="Most tokens of one text that is put into an agent's archival memory.",
    )

    search_language: str = Field(
        "english",
        validation_alias=_env("LETTA_SEARCH_LANGUAGE"),
        pattern=r"^[a-z_]+$",
        description="Language in which searches tell forms of a word: one of Postgres' text search configurations, "
        "such as german, or simple for none.",
    )

    # Logs
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = Field(
        "INFO",
        validation_alias=_env("LETTA_LOGGING_LOG_LEVEL", "LETTA_LOG_LEVEL"),
        description="DEBUG, INFO, WARNING or ERROR.",
    )

    # The host
    in_container: bool = Field(
        False,
        validation_alias=_env("LETTA_IN_CONTAINER"),
        description="Set by the project's image: the embedded database then demands a mounted volume.",
    )
    render: bool = Field(False, validation_alias=_env("RENDER"), description="Set by Render on its instances.")
    render_instance_id: _Text = Field(
        None, validation_alias=_env("RENDER_INSTANCE_ID"), description="Name of the instance, set by Render."
    )
    render_external_url: _Text = Field(
        None,
        validation_alias=_env("RENDER_EXTERNAL_URL"),
        description="Public address of the service, set by Render.",
    )

    @property
    def database_engine(self) -> DatabaseChoice:
        """The storage engine in force."""
        return DatabaseChoice.POSTGRES

    @property
    def bind_host(self) -> str:
        """The address to listen on."""
        return self.host or ("0.0.0.0" if self.render else "127.0.0.1")  # noqa: S104 - Render routes to it

    @property
    def bind_port(self) -> int:
        """The port to listen on."""
        if self.port is not None:
            return self.port
        if self.server_port is not None:
            return self.server_port
        return 10000 if self.render else 8283


def read_settings() -> Settings:
    """The settings of this process's environment.

    Raises:
        ConfigurationError: a variable's value can't be used. It isn't shown, as it may be secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"{_named(str(problem['loc'][0]))}: {problem['msg']}" for problem in error.errors())
        raise ConfigurationError(f"{problems}. Correct or remove the variable.") from None


def _named(variable: str) -> str:
    """The name that is set, where a setting has several: problems are reported under the first."""
    for field in Settings.model_fields.values():
        names = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
        if variable in names:
            return next((str(name) for name in names if name in os.environ), variable)
    return variable


settings = read_settings()
