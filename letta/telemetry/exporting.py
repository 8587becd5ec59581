"""Sending traces by OTLP over HTTP. Imported only where an address is set, as the SDK takes some 10 MB."""

import logging
from urllib.parse import parse_qsl

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from letta import __version__
from letta.settings import Settings

logger = logging.getLogger(__name__)

_PATH = "/v1/traces"
_PROTOCOL = "http/protobuf"


def make_provider(settings: Settings) -> TracerProvider:
    """What makes spans and sends them, as the standard variables say: headers, time-outs, sampling, resource."""
    protocol = settings.otel_protocol or _PROTOCOL
    if protocol != _PROTOCOL:
        logger.warning(
            "OTEL_EXPORTER_OTLP_PROTOCOL is %s, which is not supported; traces are sent as %s", protocol, _PROTOCOL
        )
    resource = Resource.create({"service.name": "letta", "service.version": __version__}).merge(Resource.create())
    if settings.otel_service_name is None and "service.name=" not in (settings.otel_resource_attributes or ""):
        resource = resource.merge(Resource({"service.name": "letta"}))
    if settings.render_instance_id:
        resource = resource.merge(Resource({"service.instance.id": settings.render_instance_id}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(_NamesOnly())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=_address(settings))))
    logger.info("traces are sent to the address of OTEL_EXPORTER_OTLP_ENDPOINT")
    return provider


def _address(settings: Settings) -> str | None:
    if settings.otel_traces_endpoint:
        return settings.otel_traces_endpoint
    return f"{(settings.otel_endpoint or '').rstrip('/')}{_PATH}"


class _NamesOnly(SpanProcessor):
    """Of a request's parameters, only the names are told: the values are what people search for."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - its signature
        """Called while the span can still be changed."""
        query = (span.attributes or {}).get("url.query")
        if isinstance(query, str):
            names = sorted({name for name, _ in parse_qsl(query, keep_blank_values=True)})
            span.set_attribute("url.query", "&".join(names))
