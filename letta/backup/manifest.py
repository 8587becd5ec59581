"""What a backup says of itself."""

import json
from dataclasses import asdict, dataclass, field
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from letta.errors import ConfigurationError

NAME = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in the order of the copy, how many rows there are, where its numbering goes on."""

    name: str
    columns: list[str]
    rows: int = 0
    numbering: dict[str, int] = field(default_factory=dict)

    @property
    def entry(self) -> str:
        """The name of its rows in the zip file."""
        return f"tables/{self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """All tables, those first that others refer to."""

    version: str
    revision: str
    made_at: str
    key_fingerprint: str | None
    tables: list[Table]

    def written(self) -> str:
        """As JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)


def read_manifest(archive: IO[bytes]) -> Manifest:
    """The manifest of a backup.

    Raises:
        ConfigurationError: it isn't one, is damaged, or was made by a newer version.
    """
    try:
        with ZipFile(archive) as zipped:
            found: dict[str, Any] = json.loads(zipped.read(NAME))
            if found.pop("format") != FORMAT:
                raise ConfigurationError("The backup was made by a newer version. Install that version to restore it.")
            tables = [Table(**table) for table in found.pop("tables")]
            manifest = Manifest(tables=tables, **found)
            missing = {table.entry for table in tables} - set(zipped.namelist())
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "The file is not a backup made by `letta backup`, or is incomplete. Use a complete backup."
        ) from error
    if missing:
        raise ConfigurationError("The backup is incomplete: tables are missing. Use a complete backup.")
    return manifest
