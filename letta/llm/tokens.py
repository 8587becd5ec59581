"""Estimates of token counts, for texts that no provider has counted for us."""

_BYTES_PER_TOKEN = 4


def estimate(text: str) -> int:
    """About how many tokens a text takes: one for every four bytes of UTF-8, rounded up."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)
