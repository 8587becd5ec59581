"""The file ``LETTA_DIR/config``: which storage is in force, in the form that scripts have always read it from.

The file decides nothing. Where it is missing it is made, and where it can't be read the same answers are given.
"""

import configparser
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from letta import __version__
from letta.constants import CONFIG_FILE
from letta.settings import DatabaseChoice

logger = logging.getLogger(__name__)

_STORAGE = DatabaseChoice.POSTGRES.value
_SECTIONS = {
    "recall_storage": {"type": _STORAGE},
    "archival_storage": {"type": _STORAGE},
    "version": {"letta_version": __version__},
}


@dataclass(frozen=True)
class LettaConfig:
    """What the configuration file tells."""

    config_path: str = CONFIG_FILE
    recall_storage_type: str = _STORAGE
    """Where messages are kept."""
    archival_storage_type: str = _STORAGE
    """Where passages are kept."""

    @classmethod
    def load(cls, path: str = CONFIG_FILE) -> "LettaConfig":
        """Read the file, and make it when there is none. Never fails: what is wrong with the file is logged."""
        try:
            if not Path(path).exists():
                _write(Path(path))
            _check(Path(path).read_text(encoding="utf-8"), path)
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            logger.warning(
                "the configuration file %s can't be used (%s); all data is kept in Postgres regardless", path, error
            )
        return cls(path)


def _write(path: Path) -> None:
    parser = configparser.ConfigParser()
    parser.read_dict(_SECTIONS)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        parser.write(file)
    draft.replace(path)  # in one go, as another process may be reading it


def _check(text: str, path: str) -> None:
    parser = configparser.ConfigParser()
    parser.read_string(text, source=path)
    for section in ("recall_storage", "archival_storage"):
        kind = parser.get(section, "type", fallback=_STORAGE)
        if kind != _STORAGE:
            logger.warning(
                "the configuration file %s sets %s to %s, but only %s is supported", path, section, kind, _STORAGE
            )
