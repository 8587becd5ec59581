"""The console's files as browsers get them: under an address that changes with their content, compressed."""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from letta.console import parts

PREFIX = "/console/"
_HERE = Path(__file__).parent
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
}
_FIRST = (
    "app.js",
    "agents.js",
    "api.js",
    "icons.js",
    "router.js",
    "session.js",
    "ui.js",
    "view.js",
    "parts/htm/htm.module.js",
    "parts/preact/preact.mjs",
    "parts/signals-core/signals-core.module.js",
)
"""Modules of the first view, which browsers fetch at once instead of one after the other."""


@dataclass(frozen=True)
class File:
    """A file, as it is sent."""

    content_type: str
    content: bytes
    compressed: bytes


@dataclass(frozen=True)
class Site:
    """The files below two directories: the console's own, and those of its parts."""

    static: Path = _HERE / "static"
    parts: Path = parts.DIRECTORY
    _read: dict[str, File] = field(default_factory=dict)

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return dict(self._find())

    def _find(self) -> Iterator[tuple[str, Path]]:
        """Names with their files: whatever isn't among them can't be asked for."""
        for directory, prefix in ((self.static, ""), (self.parts, "parts/")):
            for path in sorted(directory.rglob("*")):
                if path.is_file() and path.suffix in _TYPES:
                    yield prefix + path.relative_to(directory).as_posix(), path

    @property
    def names(self) -> list[str]:
        """All that can be asked for."""
        return list(self._paths)

    @cached_property
    def version(self) -> str:
        """Differs when any file does."""
        digest = hashlib.sha256()
        for name, path in self._paths.items():
            digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:16]

    def file(self, name: str) -> File | None:
        """A file, read and compressed when it is first asked for."""
        path = self._paths.get(name)
        if path is None:
            return None
        if name not in self._read:
            content = path.read_bytes()
            self._read[name] = File(_TYPES[path.suffix], content, gzip.compress(content, 9, mtime=0))
        return self._read[name]

    def page(self) -> str:
        """The page that loads all others, or one that says what it lacks."""
        base = f"{PREFIX}{self.version}"
        lacking = parts.missing(self.parts)
        template = (_HERE / ("lacking.html" if lacking else "index.html")).read_text()
        preloads = "\n".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in _FIRST)
        names = ", ".join(part.package for part in lacking)
        filled = template.replace("{base}", base).replace("{preloads}", preloads)
        return filled.replace("{lacking}", names).replace("{command}", parts.COMMAND)
