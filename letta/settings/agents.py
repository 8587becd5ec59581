"""How agents work, and what they remember."""

from pydantic import Field

from letta.settings.kinds import SettingsGroup, env


class TurnSettings(SettingsGroup):
    """Turns"""

    run_lease_seconds: float = Field(
        20,
        gt=0,
        validation_alias=env("LETTA_RUN_LEASE_SECONDS"),
        description="Seconds after which another process may take over a run whose process has died.",
    )
    queue_seconds: float = Field(
        60,
        gt=0,
        validation_alias=env("LETTA_QUEUE_SECONDS"),
        description="Most seconds that a message sent with queue=true waits for a busy conversation.",
    )
    allow_private_urls: str = Field(
        "",
        validation_alias=env("LETTA_ALLOW_PRIVATE_URLS"),
        description="Hosts in private networks that URLs given by users may point to, separated by commas.",
    )
    approval_ttl: float = Field(
        0,
        ge=0,
        validation_alias=env("LETTA_APPROVAL_TTL"),
        description="Seconds after which a tool call that still waits for approval is treated as denied when the "
        "next message arrives; 0 means never.",
    )
    keepalive_interval: float = Field(
        20,
        gt=0,
        validation_alias=env("LETTA_KEEPALIVE_INTERVAL"),
        description="Seconds between the pings of a stream.",
    )
    track_provider_trace: bool = Field(
        True,
        validation_alias=env("LETTA_TRACK_PROVIDER_TRACE"),
        description="Keep the request and response of each model call for debugging (see LETTA_TRACE_RETENTION_DAYS).",
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
        description="Most megabytes of disk space that provider traces may take.",
    )


class UploadSettings(SettingsGroup):
    """Files of folders"""

    max_file_mb: int = Field(
        20,
        gt=0,
        validation_alias=env("LETTA_MAX_FILE_MB"),
        description="Largest file, in megabytes, that can be uploaded to a folder. Requests are also limited by "
        "LETTA_MAX_BODY_MB.",
    )
    max_file_characters: int = Field(
        5_000_000,
        gt=0,
        validation_alias=env("LETTA_MAX_FILE_CHARACTERS"),
        description="Most characters of text in one file. The database keeps the text, its passages and their vectors.",
    )
    file_parse_seconds: int = Field(
        60,
        gt=0,
        le=3600,
        validation_alias=env("LETTA_FILE_PARSE_SECONDS"),
        description="Seconds of processor time that reading one file may take.",
    )
    file_parse_memory_mb: int = Field(
        256,
        ge=64,
        validation_alias=env("LETTA_FILE_PARSE_MEMORY_MB"),
        description="Most megabytes of memory that reading one file, or searching files, may use, in addition to the "
        "server's own.",
    )


class MemorySettings(SettingsGroup):
    """Memory"""

    deleted_passages_days: float = Field(
        30,
        ge=0,
        le=36_500,
        validation_alias=env("LETTA_DELETED_PASSAGES_DAYS"),
        description="Days during which a deleted passage can be restored; 0 deletes passages at once for good.",
    )
    archival_memory_token_limit: int = Field(
        8192,
        gt=0,
        validation_alias=env("LETTA_ARCHIVAL_MEMORY_TOKEN_LIMIT"),
        description="Most tokens in one text that is added to an agent's archival memory.",
    )

    search_language: str = Field(
        "english",
        validation_alias=env("LETTA_SEARCH_LANGUAGE"),
        pattern=r"^[a-z_]+$",
        description="Language by whose grammar searches match different forms of a word: one of Postgres' text search "
        "configurations, such as german, or simple for none.",
    )
