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
        description="Password that every request must carry.",
    )
    server_secure: bool = Field(
        False,
        validation_alias=env("LETTA_SERVER_SECURE", "SECURE"),
        description="Demand a password even on loopback.",
    )
    allow_no_password: bool = Field(
        False,
        validation_alias=env("LETTA_ALLOW_NO_PASSWORD"),
        description="Serve on a public address without a password. Anybody may then read and change everything.",
    )
    no_default_actor: bool = Field(
        False,
        validation_alias=env("LETTA_NO_DEFAULT_ACTOR"),
        description="Refuse requests that name no known user.",
    )
    acceptable_origins: str = Field(
        "",
        validation_alias=env("ACCEPTABLE_ORIGINS"),
        description="Further CORS origins, separated by commas.",
    )
    trusted_proxies: int | None = Field(
        None,
        ge=0,
        le=20,
        validation_alias=env("LETTA_TRUSTED_PROXIES"),
        description="Proxies in front of the server that add to X-Forwarded-For, the last of which speaks to it. "
        "2 on Render, else 0: then the header says nothing about where a request comes from.",
    )
    client_timeout_seconds: float = Field(
        30,
        gt=0,
        validation_alias=env("LETTA_CLIENT_TIMEOUT_SECONDS"),
        description="Seconds within which a request has to arrive, plus one for each KB of its body.",
    )
    graceful_shutdown_seconds: float = Field(
        100,
        gt=0,
        validation_alias=env("LETTA_GRACEFUL_SHUTDOWN_SECONDS"),
        description="Seconds that running turns get after SIGTERM; keep it below the host's own limit.",
    )
    max_body_mb: int = Field(
        50,
        gt=0,
        validation_alias=env("LETTA_MAX_BODY_MB"),
        description="Largest request body that is accepted.",
    )
    max_concurrent_runs: int = Field(
        256,
        gt=0,
        validation_alias=env("LETTA_MAX_CONCURRENT_RUNS"),
        description="Turns one process runs at once.",
    )
    max_readers: int = Field(
        1000,
        gt=0,
        validation_alias=env("LETTA_MAX_READERS"),
        description="Requests that follow runs in one process at once: open streams, and those that wait for a whole "
        "answer.",
    )
    stalled_reader_seconds: float = Field(
        300,
        gt=0,
        validation_alias=env("LETTA_STALLED_READER_SECONDS"),
        description="Seconds after which a connection is closed whose client reads nothing of what waits for it.",
    )
