"""Variables of the environment that look like settings, and are none."""

import difflib
from collections.abc import Iterable

from pydantic import AliasChoices

from letta.settings import Settings

_OURS = "LETTA_"
_ALIKE = 0.85


def misspelt(variables: Iterable[str]) -> list[tuple[str, str]]:
    """Each variable that counts for nothing, with the setting that may be meant. Others may be for other programs."""
    known = _names()
    found = []
    for variable in sorted(set(variables) - known):
        meant = difflib.get_close_matches(variable, known, n=1, cutoff=_ALIKE) if variable.startswith(_OURS) else []
        found += [(variable, name) for name in meant]
    return found


def _names() -> set[str]:
    names = {"LETTA_DIR", "LETTA_PG_DATA"}  # read where the server's own files are found
    for field in Settings.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            names.update(str(name) for name in field.validation_alias.choices)
    return names
