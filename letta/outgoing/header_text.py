"""What headers of HTTP carry: keys that people paste bring along spaces, line breaks and worse."""

import re

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def header_value(text: str) -> str:
    """The text without spaces around it, such that a header can carry it. Errors don't repeat it: it may be secret.

    Raises:
        ValueError: there are line breaks in it, or other characters that no header can carry.
    """
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isprintable()):
        raise ValueError("it contains a line break or a character that isn't ASCII. Copy it again without these.")
    return stripped


def header_name(text: str) -> str:
    """The same of a header's name."""
    stripped = text.strip()
    if not _NAME.fullmatch(stripped):
        raise ValueError("it is not a valid header name. Use letters, digits and '-', as in X-Api-Key.")
    return stripped
