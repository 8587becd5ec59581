"""A real browser on the console of the shared server."""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from letta.console import parts
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.skips import SEARCH_PATH

expect.set_options(timeout=30_000)
AXE = Path(__file__).parent / "axe.json"
_EXPECTED = re.compile(r"Failed to load resource|net::ERR_")
"""What browsers tell of refused requests and lost connections, which pages take care of."""


@pytest.fixture(scope="session")
def kept(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where downloads stay for the next run, unless pytest is told to keep nothing."""
    cached = pytestconfig.pluginmanager.has_plugin("cacheprovider")
    return pytestconfig.cache.mkdir("console") if cached else tmp_path_factory.mktemp("console")


@pytest.fixture(scope="session")
def console_parts(kept: Path) -> None:
    """What the console is made of beside our own files. Needs the network the first time."""
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        parts.install()


@pytest.fixture(scope="session")
def axe(kept: Path) -> str:
    """The script that finds what people who can't see or use a mouse would stumble over."""
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        parts.install(kept, AXE)
    return (kept / "axe-core/axe.min.js").read_text()


@pytest.fixture(scope="module")
def browser(console_parts: None) -> Iterator[Browser]:
    """Of one module only: while it is open, an event loop is running, which tests with one of their own can't bear."""
    executable = shutil.which("chromium", path=SEARCH_PATH)
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=options)
        yield opened
        opened.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page of a server's console; fails if anything goes wrong in it that nobody expects."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def make(server: ServerProcess, path: str = "", **options: Any) -> Page:
        context = browser.new_context(base_url=server.url, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.goto(f"/{path}")
        return page

    yield make
    for context in contexts:
        context.close()
    assert [fault for fault in faults if not _EXPECTED.search(fault)] == []


@pytest.fixture
def page(new_page: Callable[..., Page], server: ServerProcess, model: ScriptedModel) -> Page:
    """The console of the shared server."""
    return new_page(server)
