"""A little receiver of traces, as collectors are: OTLP over HTTP, in its binary form."""

import gzip
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.http_server import Answer, Answering, Request


class Receiver(Answering):
    """Keeps the spans that it is sent. A context manager."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.resources: list[dict[str, Any]] = []
        self.spans: list[Any] = []

    def named(self, beginning: str) -> list[Any]:
        """The spans whose names begin so."""
        return [span for span in self.spans if span.name.startswith(beginning)]

    def _take(self, request: Request) -> Answer:
        body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(group.resource))
            self.spans += [span for scope in group.scope_spans for span in scope.spans]
        return Answer(kind="application/x-protobuf")


def attributes(described: Any) -> dict[str, Any]:
    """The attributes of a span or a resource."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in described.attributes}
