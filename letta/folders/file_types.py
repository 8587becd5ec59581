"""Which files can be uploaded, and what each is read as."""

from pathlib import PurePosixPath
from typing import NamedTuple

from letta.errors import UnsupportedMediaTypeError

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MARKDOWN = "text/x-markdown"
_PROSE = {PDF, DOCX, MARKDOWN, "text/markdown", "text/x-rst"}
"""Types in which a line is a sentence."""

_TYPES = {
    "pdf": PDF,
    "docx": DOCX,
    "txt": "text/plain",
    "text": "text/plain",
    "log": "text/plain",
    "md": MARKDOWN,
    "markdown": MARKDOWN,
    "mdx": MARKDOWN,
    "rst": "text/x-rst",
    "tex": "text/x-tex",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "ndjson": "application/jsonl",
    "ipynb": "application/json",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "html": "text/html",
    "htm": "text/html",
    "xml": "application/xml",
    "svg": "image/svg+xml",
    "yaml": "text/x-yaml",
    "yml": "text/x-yaml",
    "toml": "application/toml",
    "ini": "text/x-ini",
    "cfg": "text/x-ini",
    "conf": "text/x-ini",
    "properties": "text/x-ini",
    "css": "text/css",
    "scss": "text/x-scss",
    "sass": "text/x-sass",
    "less": "text/x-less",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "cjs": "text/javascript",
    "jsx": "text/jsx",
    "ts": "text/x-typescript",
    "tsx": "text/x-typescript",
    "vue": "text/x-vue",
    "svelte": "text/x-svelte",
    "py": "text/x-python",
    "pyi": "text/x-python",
    "java": "text/x-java",
    "kt": "text/x-kotlin",
    "kts": "text/x-kotlin",
    "scala": "text/x-scala",
    "groovy": "text/x-groovy",
    "c": "text/x-c",
    "h": "text/x-c",
    "cc": "text/x-c++",
    "cpp": "text/x-c++",
    "cxx": "text/x-c++",
    "hpp": "text/x-c++",
    "cs": "text/x-csharp",
    "go": "text/x-go",
    "rs": "text/x-rust",
    "rb": "text/x-ruby",
    "php": "text/x-php",
    "swift": "text/x-swift",
    "m": "text/x-objective-c",
    "r": "text/x-r",
    "jl": "text/x-julia",
    "lua": "text/x-lua",
    "pl": "text/x-perl",
    "dart": "text/x-dart",
    "ex": "text/x-elixir",
    "exs": "text/x-elixir",
    "erl": "text/x-erlang",
    "hs": "text/x-haskell",
    "clj": "text/x-clojure",
    "sql": "text/x-sql",
    "graphql": "text/x-graphql",
    "proto": "text/x-protobuf",
    "sh": "text/x-shellscript",
    "bash": "text/x-shellscript",
    "zsh": "text/x-shellscript",
    "ps1": "text/x-powershell",
    "bat": "text/x-batch",
    "dockerfile": "text/x-dockerfile",
    "makefile": "text/x-makefile",
}
"""Types by extension, or by the whole name where there is none."""
_DECLARED = {PDF, DOCX, "application/json", "application/xml", "application/jsonl", "application/toml"}


class FileType(NamedTuple):
    """A type of files, and what reads it: ``pdf``, ``docx`` or ``text``."""

    name: str
    kind: str

    @property
    def is_prose(self) -> bool:
        """Whether its lines are sentences."""
        return self.name in _PROSE


def file_type(file_name: str, declared: str | None) -> FileType:
    """The type of a file by its extension; where that says nothing, by what whoever sends it says.

    Raises:
        UnsupportedMediaTypeError: such files can't be read.
    """
    path = PurePosixPath(file_name.lower())
    said = (declared or "").partition(";")[0].strip().lower()
    found = _TYPES.get(path.suffix[1:] or path.name)
    if found is None and (said in _DECLARED or (said.startswith("text/") and not path.suffix)):
        found = said
    if found is None:
        raise UnsupportedMediaTypeError(
            f"Unsupported file type: {said or 'unknown'} (filename: {file_name}). Upload PDF, Word (.docx), text, "
            "Markdown, HTML, CSV, JSON or source code, with an extension that says so."
        )
    return known_type(found)


def known_type(name: str | None) -> FileType:
    """The type that is stored with a file."""
    kinds = {PDF: "pdf", DOCX: "docx"}
    return FileType(name or "text/plain", kinds.get(name or "", "text"))
