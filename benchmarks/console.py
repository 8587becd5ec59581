"""How soon the console is there on a slow phone. Measures and prints; judges nothing (the exit code is always 0).

    python -m benchmarks.console [--agents 200] [--times 5] [--json FILE]

A real Chromium with the network and the processor of Lighthouse's phone: 150 ms and 1.6 Mbit/s, a fourth of the speed
of this machine. It opens the list of agents, and from there a conversation: the first time with nothing kept from
before, then again with what browsers keep. It needs chromium (`make test-tools`) and the console's parts
(`make console`).
"""

import argparse
import os
import shutil
import sys
from contextlib import ExitStack
from statistics import median
from typing import Any

import httpx2
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.report import Row, table, write_json
from benchmarks.stage import (
    add_shared_options,
    environment_for,
    own_schema,
    progress,
    running_server,
    scripted_model,
)
from letta.console import parts

NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
SLOWER = 4
ROWS = (
    Row("paint_ms", "first paint, ms", "< 1000"),
    Row("agents_ms", "the agents are listed, ms", ""),
    Row("chat_ms", "from there to a conversation, ms", ""),
    Row("kb", "sent, kB", "< 200 for all files"),
)
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SENT = """performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
    .reduce((sum, one) => sum + one.transferSize, 0) / 1000"""


def main() -> None:
    options = _parser().parse_args()
    if missing := parts.missing():
        sys.exit(f"The console lacks {missing[0].package}. make console brings it in.")
    with ExitStack() as stack:
        model = stack.enter_context(scripted_model())
        uri, schema = stack.enter_context(own_schema(options.pg_uri))
        server = stack.enter_context(running_server(environment_for(uri, schema, model)))
        _make_agents(server.url, options.agents)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        visits = [_visit(browser, server.url) for _ in range(options.times)]
        browser.close()
    columns = {name: _medians([visit[name] for visit in visits]) for name in ("first visit", "again")}
    facts = {"agents": options.agents, "times": options.times}
    sys.stdout.write(f"{options.agents:,} agents, medians of {options.times}\n{table(ROWS, columns, facts)}\n")
    if options.json:
        write_json(options.json, columns, facts)


def _make_agents(url: str, count: int) -> None:
    progress(f"{count:,} agents")
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as http:
        for number in range(count):
            agent = {"name": f"Agent {number:03}", "model": "openai-proxy/gpt-4o-mini", "tags": [f"tag-{number % 10}"]}
            http.post("/v1/agents/", json=agent).raise_for_status()


def _visit(browser: Browser, url: str) -> dict[str, dict[str, float]]:
    """Two visits with the same browser, which has never been there before."""
    options: Any = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True}
    context = browser.new_context(base_url=url, has_touch=True, **options)
    found = {}
    for name in ("first visit", "again"):
        page = context.new_page()
        slow = context.new_cdp_session(page)
        slow.send("Network.enable")
        slow.send("Network.emulateNetworkConditions", NETWORK)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        found[name] = _look(page)
        page.close()
    context.close()
    return found


def _look(page: Page) -> dict[str, float]:
    page.goto("/", wait_until="commit")
    card = page.locator(".card.agent .cover").first
    card.wait_for(state="attached")
    figures = {"paint_ms": page.evaluate(_PAINT), "agents_ms": page.evaluate("performance.now()")}
    page.wait_for_load_state("networkidle")
    began = page.evaluate("performance.now()")
    card.click()
    page.get_by_label("Message", exact=True).wait_for()
    figures["chat_ms"] = page.evaluate("performance.now()") - began
    figures["kb"] = page.evaluate(_SENT)
    return figures


def _medians(visits: list[dict[str, float]]) -> dict[str, float]:
    return {row.key: median(visit[row.key] for visit in visits) for row in ROWS}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.console", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--times", type=int, default=5)
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
