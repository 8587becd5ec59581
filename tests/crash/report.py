"""What a campaign did and found, for people and for programs."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.crash.faults import FAULTS
from tests.crash.invariants import INVARIANTS


@dataclass
class Report:
    """What was done and found.

    Attributes:
        left_out: why some faults could not be injected on this machine.
    """

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    setbacks: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> str:
        """For programs."""
        return json.dumps(
            {
                "seed": self.seed,
                "faults": {"all": self.faults.total(), **dict(sorted(self.faults.items()))},
                "left out": self.left_out,
                "actions of clients": {"all": self.actions.total(), **dict(sorted(self.actions.items()))},
                "attempts that failed": {"all": self.setbacks.total(), **dict(sorted(self.setbacks.items()))},
                "checked": dict(sorted(self.checked.items())),
                "violations": self.violations,
                "seconds": round(self.seconds),
            },
            indent=2,
        )

    def as_markdown(self) -> str:
        """For people."""
        return "\n".join(self._paragraphs()) + "\n"

    def _paragraphs(self) -> Iterator[str]:
        minutes, total = round(self.seconds / 60), self.faults.total()
        yield "# Crash campaign"
        yield ""
        yield (
            f"{total} faults at random moments, seed {self.seed}, {minutes} minutes: "
            f"**{len(self.violations)} violations**. `FAULTS={total} SEED={self.seed} make test-crash` repeats its "
            "choices."
        )
        yield ""
        yield (
            "Four agents' clients talk without pause, through one address, to two servers on one database, and send "
            "the same request again when it fails. While they do, something is broken; then they finish, and all of it "
            "is looked at."
        )
        yield from self._violations()
        yield from _table("Faults injected", ("fault", "times"), self._faults())
        yield from _table("Checked after every fault", ("what has to be so", "looked at"), self._invariants())
        yield from _table("What clients did", ("action", "times"), sorted(self.actions.items()))
        yield from _table("Attempts that failed and were made again", ("why", "times"), sorted(self.setbacks.items()))

    def _violations(self) -> Iterator[str]:
        yield from ("", "## Violations", "")
        yield from [f"- {text}" for text in self.violations] or ["None."]

    def _faults(self) -> Iterator[tuple[str, object]]:
        for fault in dict.fromkeys(FAULTS):
            times = self.faults[fault.__name__]
            yield (fault.__doc__ or fault.__name__).strip(), times or "left out"
        for reason in self.left_out:
            yield reason, 0

    def _invariants(self) -> Iterator[tuple[str, object]]:
        for name, meaning in INVARIANTS.items():
            yield meaning, f"{self.checked[name]:,} {name}"


def _table(title: str, heads: tuple[str, str], rows: Iterable[tuple[str, object]]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield f"| {heads[0]} | {heads[1]} |"
    yield "|---|---|"
    for left, right in rows:
        yield f"| {left} | {right} |"
