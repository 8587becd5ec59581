"""How agents work, and what they remember."""

from pydantic import Field

from letta.settings.kinds import SettingsGroup, env


class TurnSettings(SettingsGroup):
    """Turns"""

    run_lease_seconds: float = Field(
        20,
        gt=0,
        validation_alias=env("LETTA_RUN_LEASE_SECONDS"),
        description="Time after which a run of a vanished process may be taken over.",
    )
    queue_seconds: float = Field(
        60,
        gt=0,
        validation_alias=env("LETTA_QUEUE_SECONDS"),
        description="Longest time that a message sent with queue=true waits for a busy conversation.",
    )
    allow_private_urls: str = Field(
        "",
        validation_alias=env("LETTA_ALLOW_PRIVATE_URLS"),
        description="Hosts in private networks that URLs given by users may lead to, separated by commas.",
    )
    approval_ttl: float = Field(
        0,
        ge=0,
        validation_alias=env("LETTA_APPROVAL_TTL"),
        description="Seconds after which a tool call that waits for approval counts as denied when the next message "
        "arrives. 0: never.",
    )
    keepalive_interval: float = Field(
        20,
        gt=0,
        validation_alias=env("LETTA_KEEPALIVE_INTERVAL"),
        description="Seconds between pings of a stream.",
    )
    track_provider_trace: bool = Field(
        True,
        validation_alias=env("LETTA_TRACK_PROVIDER_TRACE"),
        description="Keep the request and answer of each model call for some days.",
    )
    trace_retention_days: float = Field(
        3,
        ge=0,
        validation_alias=env("LETTA_TRACE_RETENTION_DAYS"),
        description="Days that provider traces are kept.",
    )
    trace_max_mb: int = Field(
        50,
        ge=0,
        validation_alias=env("LETTA_TRACE_MAX_MB"),
        description="Most space that provider traces may take.",
    )


class UploadSettings(SettingsGroup):
    """Files of folders"""

    max_file_mb: int = Field(
        20,
        gt=0,
        validation_alias=env("LETTA_MAX_FILE_MB"),
        description="Largest file that can be uploaded to a folder; no request may be larger than LETTA_MAX_BODY_MB.",
    )
    max_file_characters: int = Field(
        5_000_000,
        gt=0,
        validation_alias=env("LETTA_MAX_FILE_CHARACTERS"),
        description="Longest text of one file. The database keeps it, its passages and their vectors.",
    )
    file_parse_seconds: int = Field(
        60,
        gt=0,
        le=3600,
        validation_alias=env("LETTA_FILE_PARSE_SECONDS"),
        description="Seconds of the processor's time that reading one file may take.",
    )
    file_parse_memory_mb: int = Field(
        256,
        ge=64,
        validation_alias=env("LETTA_FILE_PARSE_MEMORY_MB"),
        description="Most memory that reading one file, or searching in files, may use, beside the server's own.",
    )


class MemorySettings(SettingsGroup):
    """Memory"""

    deleted_passages_days: float = Field(
        30,
        ge=0,
        le=36_500,
        validation_alias=env("LETTA_DELETED_PASSAGES_DAYS"),
        description="Days in which a deleted passage can be restored; 0 deletes at once for good.",
    )
    archival_memory_token_limit: int = Field(
        8192,
        gt=0,
        validation_alias=env("LETTA_ARCHIVAL_MEMORY_TOKEN_LIMIT"),
        description="Most tokens of one text that is put into an agent's archival memory.",
    )

    search_language: str = Field(
        "english",
        validation_alias=env("LETTA_SEARCH_LANGUAGE"),
        pattern=r"^[a-z_]+$",
        description="Language in which searches tell forms of a word: one of Postgres' text search configurations, "
        "such as german, or simple for none.",
    )
