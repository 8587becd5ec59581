"""What a tool prints, up to a limit."""

OUTPUT_CHARACTERS = 32 * 1024


class Output:
    """Keeps the beginning of what is printed, and counts the rest."""

    def __init__(self) -> None:
        self._kept: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._room = {"stdout": OUTPUT_CHARACTERS, "stderr": OUTPUT_CHARACTERS}
        self._lost = {"stdout": 0, "stderr": 0}

    def write(self, stream: str, text: str) -> None:
        """Take what was printed."""
        taken = text[: self._room[stream]]
        if taken:
            self._kept[stream].append(taken)
            self._room[stream] -= len(taken)
        self._lost[stream] += len(text) - len(taken)

    @property
    def stdout(self) -> str:
        """What was printed."""
        return self._text("stdout")

    @property
    def stderr(self) -> str:
        """What was printed as errors."""
        return self._text("stderr")

    def _text(self, stream: str) -> str:
        lost = self._lost[stream]
        return "".join(self._kept[stream]) + (f"… [cut: {lost} more characters]\n" if lost else "")
