"""Traces, for who has set an address to send them to: requests, turns, model calls, tools, units of the database.

Requests are the framework's own spans; the others are begun here. Without an address everything here does nothing, and
the SDK that sends them isn't loaded.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from letta.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger(__name__)

Attributes = Mapping[str, str | int]

_NO_SDK = (
    "An address for traces is set, but the OpenTelemetry SDK is not installed, so no traces are sent. Install it with "
    "`pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http`, or unset OTEL_EXPORTER_OTLP_ENDPOINT."
)
_NOTHING: AbstractContextManager[None] = nullcontext()
_W3C = TraceContextTextMapPropagator()


class _Tracing:
    """What is in force in this process."""

    tracer: trace.Tracer | None = None
    provider: "TracerProvider | None" = None
    tell_models = False


_active = _Tracing()

model_headers: ContextVar[Mapping[str, str]] = ContextVar("model_headers", default={})  # noqa: B039 - never changed
"""Headers that the next request to a model's provider carries: to which trace it belongs, if it shall know."""


def start_tracing(settings: Settings) -> "TracerProvider | None":
    """Begin to send traces, if an address is set. Returns what the framework makes its spans with."""
    if settings.otel_sdk_disabled or not (settings.otel_endpoint or settings.otel_traces_endpoint):
        return None
    try:
        from letta.telemetry.exporting import make_provider
    except ImportError:
        logger.warning(_NO_SDK)
        return None
    _active.provider = make_provider(settings)
    _active.tracer = _active.provider.get_tracer("letta")
    _active.tell_models = settings.otel_propagate_to_models
    return _active.provider


def stop_tracing() -> None:
    """Send what hasn't been sent yet, within some seconds."""
    provider, _active.provider, _active.tracer = _active.provider, None, None
    if provider is not None:
        provider.shutdown()


def span(name: str, attributes: Callable[[], Attributes] = dict) -> AbstractContextManager[Any]:
    """Something that is under way in the with block; part of what was under way before."""
    return _NOTHING if _active.tracer is None else _span(_active.tracer, name, attributes())


def inner_span(name: str, attributes: Callable[[], Attributes] = dict) -> AbstractContextManager[Any]:
    """As `span`, but only as a part of something: what runs in the background on its own makes no traces."""
    if _active.tracer is None or not trace.get_current_span().is_recording():
        return _NOTHING
    return _span(_active.tracer, name, attributes())


@contextmanager
def _span(tracer: trace.Tracer, name: str, attributes: Attributes) -> Iterator[Span]:
    # What an exception says may be what people said: its kind is enough.
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as started:
        try:
            yield started
        except Exception as error:
            _fail(started, type(error).__name__)
            raise


def note(noted: Span | None, attributes: Attributes) -> None:
    """Add to what a span says."""
    if noted is not None:
        noted.set_attributes(dict(attributes))


def note_here(attributes: Callable[[], Attributes]) -> None:
    """Add to what the current span says."""
    if _active.tracer is not None:
        trace.get_current_span().set_attributes(dict(attributes()))


def begin_model_call(provider: str, model: str, *, streamed: bool) -> Span | None:
    """A call of a chat model. It isn't made the current span: its pieces are read by one task after the other."""
    if _active.tracer is None:
        return None
    attributes: dict[str, str | bool] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "letta.streamed": streamed,
    }
    started = _active.tracer.start_span(f"chat {model}", kind=SpanKind.CLIENT, attributes=attributes)
    if _active.tell_models:
        headers: dict[str, str] = {}
        _W3C.inject(headers, trace.set_span_in_context(started))
        model_headers.set({"traceparent": headers["traceparent"]})
    return started


def end_model_call(started: Span | None, failure: str | None) -> None:
    """The call is over."""
    if started is None:
        return
    if _active.tell_models:
        model_headers.set({})
    if failure is not None:
        _fail(started, failure)
    started.end()


def current_ids() -> tuple[str, str] | None:
    """Ids of the trace and the span that a line of the log belongs to."""
    if _active.tracer is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)


def _fail(failed: Span, kind: str) -> None:
    failed.set_attribute("error.type", kind)
    failed.set_status(StatusCode.ERROR)
