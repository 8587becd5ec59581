"""What is known of a running server, and of the machine that it runs on."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from letta.constants import LETTA_DIR
from letta.settings.kinds import SettingsGroup, Text, env, lower, upper

LogLevel = Literal["DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"]


def _log_format(value: object) -> object:
    """Also as a switch for JSON, which the former server had."""
    value = lower(value)
    return (
        {"true": "json", "1": "json", "false": "text", "0": "text"}.get(value, value)
        if isinstance(value, str)
        else value
    )


class FileSettings(SettingsGroup):
    """Files"""

    letta_dir: Path = Field(
        Path(LETTA_DIR),
        validation_alias=env("LETTA_DIR"),
        description="Directory for logs, configuration and cache; safe to lose.",
    )


class TelemetrySettings(SettingsGroup):
    """Metrics and traces"""

    metrics_public: bool = Field(
        False,
        validation_alias=env("LETTA_METRICS_PUBLIC"),
        description="Serve /metrics without the password. It shows which models are used, and how much.",
    )
    otel_endpoint: Text = Field(
        None,
        validation_alias=env("OTEL_EXPORTER_OTLP_ENDPOINT", "LETTA_OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="URL to which traces are sent, by OTLP over HTTP; /v1/traces is appended to it.",
    )
    otel_traces_endpoint: Text = Field(
        None,
        validation_alias=env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        description="The same, but used unchanged.",
    )
    otel_protocol: Text = Field(
        None,
        validation_alias=env("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
        description="Protocol for traces; only http/protobuf is supported.",
    )
    otel_service_name: Text = Field(
        None, validation_alias=env("OTEL_SERVICE_NAME"), description="Name of the service in traces; letta by default."
    )
    otel_resource_attributes: Text = Field(
        None,
        validation_alias=env("OTEL_RESOURCE_ATTRIBUTES"),
        description="Further attributes of the service in traces. OpenTelemetry's other variables take effect as well.",
    )
    otel_sdk_disabled: bool = Field(
        False,
        validation_alias=env("OTEL_SDK_DISABLED", "LETTA_DISABLE_TRACING"),
        description="Send no traces, whatever else is set.",
    )
    otel_propagate_to_models: bool = Field(
        False,
        validation_alias=env("LETTA_OTEL_PROPAGATE_TO_MODELS"),
        description="Send model providers the header traceparent, which says which trace a request belongs to. Meant "
        "for your own gateways.",
    )


class LogSettings(SettingsGroup):
    """Logs"""

    log_level: Annotated[LogLevel, BeforeValidator(upper)] = Field(
        "INFO",
        validation_alias=env("LETTA_LOGGING_LOG_LEVEL", "LETTA_LOG_LEVEL"),
        description="Least severe level that is logged: DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_log_format)] = Field(
        "text",
        validation_alias=env("LETTA_LOG_FORMAT", "LETTA_LOGGING_JSON_LOGGING"),
        description="Format of each log line: text or json.",
    )


class HostSettings(SettingsGroup):
    """The host"""

    in_container: bool = Field(
        False,
        validation_alias=env("LETTA_IN_CONTAINER"),
        description="Set by the project's image: the embedded database then requires a mounted volume.",
    )
    render: bool = Field(False, validation_alias=env("RENDER"), description="Set by Render on its instances.")
    render_instance_id: Text = Field(
        None, validation_alias=env("RENDER_INSTANCE_ID"), description="Name of the instance, set by Render."
    )
    render_external_url: Text = Field(
        None,
        validation_alias=env("RENDER_EXTERNAL_URL"),
        description="Public address of the service, set by Render.",
    )
