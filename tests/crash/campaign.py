"""Break things while clients talk, and look whether anything was lost.

    python -m tests.crash.campaign --faults 60 [--seed N] [--report FILE]

Clients of several agents send turns with tool calls, approvals, background runs and edits of memory, at two servers on
one database. A fault is injected at a random moment of it; then the clients finish, and all invariants are checked. The
exit code is 1 if any was violated; the seed that is printed repeats the choices, though not the moments to the
millisecond. The report is Markdown if its name ends so, otherwise JSON.
"""

import argparse
import random
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx2

from tests.crash.faults import FAULTS, drop_the_pooler
from tests.crash.invariants import violations
from tests.crash.report import Report
from tests.crash.talker import Talker
from tests.crash.world import World, world
from tests.pooler import bouncer

_AGENTS = 4


def main() -> None:
    options = _parser().parse_args()
    report = Report(options.seed if options.seed is not None else secrets.randbelow(2**31))
    _say(f"seed {report.seed}")
    pooled = bouncer.is_installed()
    if not pooled:
        report.left_out.append("There is no PgBouncer on this machine: no pooler was used, and none dropped.")
    began = time.monotonic()
    with world(pooled=pooled) as broken:
        run(broken, report, options.faults)
    report.seconds = time.monotonic() - began
    sys.stdout.write(report.as_json() + "\n")
    if options.report:
        text = report.as_markdown() if options.report.suffix == ".md" else report.as_json() + "\n"
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(text)
    sys.exit(1 if report.violations else 0)


def run(broken: World, report: Report, faults: int) -> None:
    """Inject that many faults, each followed by a look at everything."""
    chance = random.Random(report.seed)
    possible = [fault for fault in FAULTS if broken.pooler is not None or fault is not drop_the_pooler]
    order = [possible[number % len(possible)] for number in range(faults)]
    chance.shuffle(order)
    talkers = _talkers(broken)
    for number, fault in enumerate(order, 1):
        began = time.monotonic()
        for talker in talkers:
            talker.start(chance.randrange(2**31))
        time.sleep(chance.uniform(0, 1.2))
        fault(broken, chance)
        time.sleep(chance.uniform(0, 0.6))
        for talker in talkers:
            talker.pause()
        broken.settle()
        report.faults[fault.__name__] += 1
        found = list(violations(broken, talkers, report.checked))
        report.violations += [f"after fault {number}, {fault.__name__}: {text}" for text in found]
        _say(f"{number}/{faults} {fault.__name__} ({time.monotonic() - began:.1f} s): {found or 'all is well'}")
        if number % _ROUNDS_PER_AGENT == 0 or found:
            _retire(talkers, report)
            talkers = _talkers(broken)
    _retire(talkers, report)


_ROUNDS_PER_AGENT = 8
"""Agents are replaced now and then, so that looking at all they said stays quick."""


def _talkers(broken: World) -> list[Talker]:
    url = broken.servers[0].url
    block = httpx2.post(f"{url}/v1/blocks", json={"label": "shared", "value": ""}, trust_env=False, timeout=30)
    shared = block.raise_for_status().json()["id"]
    return [Talker(number, broken, shared) for number in range(_AGENTS)]


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
