"""Counting and timing: what is kept, and how much of it at most."""

import re
import threading
from pathlib import Path

import pytest

from letta.telemetry import instruments
from letta.telemetry.exposition import exposition
from letta.telemetry.instruments import Counter, Histogram
from letta.telemetry.metrics import INSTRUMENTS

ROOT = Path(__file__).resolve().parents[2]


def test_threads_lose_nothing() -> None:
    counter, histogram = Counter("c", "Things.", ("kind",)), Histogram("h", "Times.")

    def count() -> None:
        for _ in range(5000):
            counter.add("a")
            histogram.observe(0.02)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read() == {("a",): 20_000}
    assert sum(histogram.read()[()].counts) == 20_000


def test_a_duration_counts_up_to_the_bound_that_it_reaches() -> None:
    histogram = Histogram("h", "Times.", bounds=(1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 99.0):
        histogram.observe(seconds)
    assert histogram.read()[()].counts == (2, 1, 1)
    assert histogram.read()[()].total == 102.0


def test_labels_that_never_end_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruments, "MOST_SERIES", 3)
    counter, histogram = Counter("c", "Things.", ("kind",)), Histogram("h", "Times.", ("kind",))
    for number in range(100):
        counter.add(str(number))
        histogram.observe(1, str(number))
    assert counter.read() == {("0",): 1, ("1",): 1, ("2",): 1, ("other",): 97}
    assert sum(histogram.read()[("other",)].counts) == 97
    assert len(histogram.read()) == 4


def test_no_figure_is_labelled_with_an_id() -> None:
    bounded = {"method", "route", "status", "stop_reason", "provider", "model", "outcome", "kind", "tool", "cause"}
    assert {label for instrument in INSTRUMENTS for label in instrument.labels} <= bounded


def test_every_figure_is_documented() -> None:
    text, _ = exposition("", {}, "0001")
    page = (ROOT / "docs" / "operations.md").read_text()
    names = re.findall(r"^# TYPE (letta_\w+) ", text.decode(), re.MULTILINE)
    assert len(names) == len(INSTRUMENTS) + 1
    assert [name for name in names if f"`{name}`" not in page] == []
