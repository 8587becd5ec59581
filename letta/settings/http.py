"""Who is served, and how."""

from pydantic import Field

from letta.settings.kinds import Secret, SettingsGroup, Text, env


class HttpSettings(SettingsGroup):
    """HTTP"""

    host: Text = Field(
        None, validation_alias=env("HOST"), description="Address to bind. 0.0.0.0 on Render, else 127.0.0.1."
    )
    port: int | None = Field(
        None,
        ge=0,
        le=65535,
        validation_alias=env("PORT"),
        description="Port to bind (10000 on Render, else 8283).",
    )
    server_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        validation_alias=env("LETTA_SERVER_PORT"),
        description="Port to bind, when PORT is not set.",
    )
    server_password: Secret = Field(
        None,
        validation_alias=env("LETTA_SERVER_PASSWORD"),
        description="Password that requests need, unless they use an API key.",
    )
    server_secure: bool = Field(
        False,
        validation_alias=env("LETTA_SERVER_SECURE", "SECURE"),
        description="Require a password even if only this machine can reach the server.",
    )
    allow_no_password: bool = Field(
        False,
        validation_alias=env("LETTA_ALLOW_NO_PASSWORD"),
        description="Serve on a public address without a password. Anybody may then read and change everything.",
    )
    no_default_actor: bool = Field(
        False,
        validation_alias=env("LETTA_NO_DEFAULT_ACTOR"),
        description="Refuse requests whose user_id header names no known user.",
    )
    acceptable_origins: str = Field(
        "",
        validation_alias=env("ACCEPTABLE_ORIGINS"),
        description="Further sites whose pages may use the API (CORS), separated by commas; localhost's usual ports "
        "are allowed already.",
    )
    trusted_proxies: int | None = Field(
        None,
        ge=0,
        le=20,
        validation_alias=env("LETTA_TRUSTED_PROXIES"),
        description="Number of proxies in front of the server that append to X-Forwarded-For. Unset: 2 on Render, "
        "else 0, which means that the header is ignored.",
    )
    client_timeout_seconds: float = Field(
        30,
        gt=0,
        validation_alias=env("LETTA_CLIENT_TIMEOUT_SECONDS"),
        description="Seconds within which a request must arrive, plus one for each KB of its body.",
    )
    graceful_shutdown_seconds: float = Field(
        100,
        gt=0,
        validation_alias=env("LETTA_GRACEFUL_SHUTDOWN_SECONDS"),
        description="Seconds that running turns get to finish after SIGTERM; keep it below the host's own limit.",
    )
    max_body_mb: int = Field(
        50,
        gt=0,
        validation_alias=env("LETTA_MAX_BODY_MB"),
        description="Largest request body, in megabytes, that is accepted.",
    )
    max_concurrent_runs: int = Field(
        256,
        gt=0,
        validation_alias=env("LETTA_MAX_CONCURRENT_RUNS"),
        description="Most turns that one process runs at once.",
    )
    max_readers: int = Field(
        1000,
        gt=0,
        validation_alias=env("LETTA_MAX_READERS"),
        description="Most requests that follow runs in one process at once: open streams, and requests that wait for a "
        "complete answer.",
    )
    stalled_reader_seconds: float = Field(
        300,
        gt=0,
        validation_alias=env("LETTA_STALLED_READER_SECONDS"),
        description="Seconds after which a connection is closed whose client does not read the data sent to it.",
    )
