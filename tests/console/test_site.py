"""The console's files: open to everybody, small, kept by browsers, and whole or refused."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from letta.console import endpoints, parts
from letta.console.site import Site

MOST_COMPRESSED = 200_000
MOST_OF_THE_FIRST_VIEW = 60_000


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with stand-ins for all parts."""
    for part in parts.manifest():
        for name in part.files:
            path = tmp_path / part.directory / Path(name).name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"// {name}")
    return Site(parts=tmp_path)


@pytest.fixture
def console(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(endpoints, "_site", lambda: site)
    with TestClient(Starlette(routes=endpoints.ROUTES)) as client:
        yield client


def addresses(page: str) -> list[str]:
    return re.findall(r'(?:href|src)="(/console/[^"]+)"', page)


def test_all_that_the_page_names_is_there_and_kept_for_ever(console: TestClient) -> None:
    page = console.get("/")
    assert page.headers["cache-control"] == "no-cache"
    found = addresses(page.text)
    assert len(found) > 10
    for address in found:
        answer = console.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_the_page_may_load_nothing_but_its_own_files(console: TestClient) -> None:
    page = console.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page.text)
    assert not re.search(r"https?://", page.text)


def test_no_text_is_ever_made_into_html(site: Site) -> None:
    ways = re.compile(rb"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|\beval\(|new Function")
    ours = [name for name in site.names if not name.startswith("parts/")]
    assert [name for name in ours if (file := site.file(name)) and ways.search(file.content)] == []


def test_what_a_browser_has_is_not_sent_again(console: TestClient) -> None:
    for address in ("/", addresses(console.get("/").text)[0]):
        tag = console.get(address).headers["etag"]
        again = console.get(address, headers={"if-none-match": f'"x", {tag}'})
        assert (again.status_code, again.content) == (304, b"")


def test_files_are_compressed_for_those_who_can_read_that(console: TestClient) -> None:
    address = next(address for address in addresses(console.get("/").text) if address.endswith("app.js"))
    compressed = console.get(address, headers={"accept-encoding": "gzip, br"})
    plain = console.get(address, headers={"accept-encoding": "identity"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert compressed.text == plain.text
    assert compressed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_a_page_of_an_older_version_gets_the_files_of_this_one(console: TestClient) -> None:
    answer = console.get("/console/0123456789abcdef/app.js")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "../parts.json", "..%2f..%2fendpoints.py", "index.html"])
def test_nothing_else_can_be_asked_for(console: TestClient, site: Site, name: str) -> None:
    assert console.get(f"/console/{site.version}/{name}").status_code == 404


def test_another_file_makes_another_version(site: Site, tmp_path: Path) -> None:
    before = site.version
    (tmp_path / "preact/preact.mjs").write_text("// other")
    assert Site(parts=tmp_path).version != before


def test_it_is_small(site: Site) -> None:
    """With room for the parts, which weigh less than 9 kB together."""
    sizes = {name: len(file.compressed) for name in site.names if (file := site.file(name))}
    assert sum(sizes.values()) + 9_000 < MOST_COMPRESSED
    first = addresses(site.page())
    assert sum(sizes[address.split("/", 3)[3]] for address in set(first)) + 9_000 < MOST_OF_THE_FIRST_VIEW


def test_without_its_parts_the_page_says_what_is_missing(tmp_path: Path) -> None:
    page = Site(parts=tmp_path).page()
    assert "preact" in page
    assert parts.COMMAND in page
    assert "<script" not in page


def test_the_server_shows_it_to_everybody(http: httpx2.Client) -> None:
    for method in ("GET", "HEAD"):
        answer = http.request(method, "/", headers={"host": "somewhere.example"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
    assert http.get("/v1/agents", headers={"host": "somewhere.example"}).status_code == 403


# Parts


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of one part, and an npm that brings its release."""
    release = tmp_path / "thing-1.0.0.tgz"
    (tmp_path / "thing.js").write_text("export {};")
    with tarfile.open(release, "w:gz") as archive:
        archive.add(tmp_path / "thing.js", "package/dist/thing.js")
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.write_text(f'#!/bin/sh\ncp {release} "$4"\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")
    digest = base64.b64encode(hashlib.sha512(release.read_bytes()).digest()).decode()
    files = {"dist/thing.js": hashlib.sha256(b"export {};").hexdigest()}
    part = {
        "package": "@some/thing",
        "version": "1.0.0",
        "license": "MIT",
        "integrity": f"sha512-{digest}",
        "files": files,
    }
    manifest = tmp_path / "parts.json"
    manifest.write_text(json.dumps([part]))
    return manifest


def change(manifest: Path, **changes: object) -> None:
    (part,) = json.loads(manifest.read_text())
    manifest.write_text(json.dumps([part | changes]))


def test_missing_parts_are_brought_in_once(release: Path, tmp_path: Path) -> None:
    assert [part.package for part in parts.install(tmp_path / "parts", release)] == ["@some/thing"]
    assert (tmp_path / "parts/thing/thing.js").read_text() == "export {};"
    assert parts.install(tmp_path / "parts", release) == []


@pytest.mark.parametrize(
    "changes", [{"integrity": "sha512-AAAA"}, {"files": {"dist/thing.js": "00"}}, {"files": {"dist/other.js": "00"}}]
)
def test_a_release_that_is_not_the_pinned_one_is_refused(
    release: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    change(release, **changes)
    with pytest.raises(parts.PartsError, match="@some/thing"):
        parts.install(tmp_path / "parts", release)
    assert list((tmp_path / "parts").rglob("*.js")) == []


def test_the_command_says_why_it_fails(tmp_path: Path) -> None:
    """Here because the npm that it finds does nothing."""
    (tmp_path / "npm").write_text("#!/bin/sh\necho 'no network' >&2\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from letta.console import parts; parts.DIRECTORY = Path(sys.argv[1]); "
    )
    code += "parts.install.__defaults__ = (parts.DIRECTORY, parts.MANIFEST); parts.main()"
    command = [sys.executable, "-c", code, str(tmp_path / "parts")]
    ended = subprocess.run(
        command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "The console lacks parts: npm could not fetch preact" in ended.stderr
    assert "no network" in ended.stderr
