"""The figures as Prometheus reads them. Imported when they are first asked for."""

import platform
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from letta import __version__
from letta.telemetry.instruments import Counter, Distribution, Histogram, Instrument, Level
from letta.telemetry.metrics import INSTRUMENTS

Gauges = Mapping[str, tuple[str, float]]
"""Levels that are looked up when they are asked for: name, description and value."""


def exposition(accept: str, gauges: Gauges, schema_revision: str) -> tuple[bytes, str]:
    """All figures in a format that the caller accepts, and its content type."""
    registry = CollectorRegistry()
    registry.register(_Figures(gauges, schema_revision))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    written: bytes = encode(registry)
    return written, content_type


class _Figures(Collector):
    def __init__(self, gauges: Gauges, schema_revision: str) -> None:
        self._gauges = gauges
        self._schema_revision = schema_revision

    def collect(self) -> Iterator[Metric]:
        yield from map(_family, INSTRUMENTS)
        for name, (description, value) in self._gauges.items():
            yield GaugeMetricFamily(name, description, value=value)
        build = GaugeMetricFamily(
            "letta_build_info", "Versions, as labels.", labels=("version", "python", "schema_revision")
        )
        build.add_metric((__version__, platform.python_version(), self._schema_revision), 1)
        yield build


def _family(instrument: Instrument) -> Metric:
    if isinstance(instrument, Histogram):
        histogram = HistogramMetricFamily(instrument.name, instrument.description, labels=instrument.labels)
        for key, distribution in instrument.read().items():
            histogram.add_metric(key, list(_buckets(instrument, distribution)), sum_value=distribution.total)
        return histogram
    if not isinstance(instrument, Counter):
        raise TypeError(f"no way to write {instrument.name}")
    values = instrument.read() or ({} if instrument.labels else {(): 0.0})
    kind = GaugeMetricFamily if isinstance(instrument, Level) else CounterMetricFamily
    family = kind(instrument.name, instrument.description, labels=instrument.labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _buckets(instrument: Histogram, distribution: Distribution) -> Iterator[tuple[str, int]]:
    reached = 0
    for bound, count in zip((*map(str, instrument.bounds), "+Inf"), distribution.counts, strict=True):
        reached += count
        yield bound, reached
