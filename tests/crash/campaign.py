"""Break things while clients talk, and look whether anything was lost.

    python -m tests.crash.campaign --faults 60 [--seed N] [--report FILE]

Clients of several agents send turns with tool calls, approvals, background runs and edits of memory, at two servers on
one database. A fault is injected at a random moment of it; then the clients finish, and all invariants are checked. The
exit code is 1 if any was violated; the seed that is printed repeats the choices, though not the moments to the
millisecond.
"""

import argparse
import json
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.crash.faults import FAULTS
from tests.crash.invariants import violations
from tests.crash.talker import Talker
from tests.crash.world import World, world

_AGENTS = 4


@dataclass
class Report:
    """What was done and found."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    setbacks: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> str:
        """For the file."""
        return json.dumps(
            {
                "seed": self.seed,
                "faults": {"all": self.faults.total(), **dict(sorted(self.faults.items()))},
                "actions of clients": {"all": self.actions.total(), **dict(sorted(self.actions.items()))},
                "attempts that failed": {"all": self.setbacks.total(), **dict(sorted(self.setbacks.items()))},
                "checked": dict(sorted(self.checked.items())),
                "violations": self.violations,
                "seconds": round(self.seconds),
            },
            indent=2,
        )


def main() -> None:
    options = _parser().parse_args()
    report = Report(options.seed if options.seed is not None else secrets.randbelow(2**31))
    _say(f"seed {report.seed}")
    began = time.monotonic()
    with world() as broken:
        run(broken, report, options.faults)
    report.seconds = time.monotonic() - began
    sys.stdout.write(report.as_json() + "\n")
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(report.as_json() + "\n")
    sys.exit(1 if report.violations else 0)


def run(broken: World, report: Report, faults: int) -> None:
    """Inject that many faults, each followed by a look at everything."""
    chance = random.Random(report.seed)
    talkers = _talkers(broken)
    order = [FAULTS[number % len(FAULTS)] for number in range(faults)]
    chance.shuffle(order)
    for number, fault in enumerate(order, 1):
        for talker in talkers:
            talker.start(chance.randrange(2**31))
        time.sleep(chance.uniform(0, 1.5))
        fault(broken, chance)
        time.sleep(chance.uniform(0, 1))
        for talker in talkers:
            talker.pause()
        report.faults[fault.__name__] += 1
        found = list(violations(broken, talkers, report.checked))
        report.violations += [f"after fault {number}, {fault.__name__}: {text}" for text in found]
        _say(f"{number}/{faults} {fault.__name__}: {found or 'all is well'}")
        if number % _ROUNDS_PER_AGENT == 0 or found:
            _retire(talkers, report)
            talkers = _talkers(broken)
    _retire(talkers, report)


_ROUNDS_PER_AGENT = 10
"""Agents are replaced now and then, so that looking at all they said stays quick."""


def _talkers(broken: World) -> list[Talker]:
    url = broken.servers[0].url
    block = httpx2.post(f"{url}/v1/blocks", json={"label": "shared", "value": ""}, trust_env=False, timeout=30)
    shared = block.raise_for_status().json()["id"]
    return [Talker(number, broken.servers, broken.model, shared) for number in range(_AGENTS)]


def _retire(talkers: Sequence[Talker], report: Report) -> None:
    for talker in talkers:
        report.actions += talker.done
        report.setbacks += talker.setbacks
        talker.close()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash.campaign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument("--report", type=Path, help="write the report to this file as well")
    return parser


if __name__ == "__main__":
    main()
