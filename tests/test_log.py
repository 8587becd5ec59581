"""What is logged is written, whatever is in it."""

import os
import subprocess
import sys
from pathlib import Path

HALF_A_CHARACTER = r"""
import logging, sys
from letta.log import configure_logging
print(configure_logging("INFO", sys.argv[1]))
logging.getLogger("letta.test").warning("half a character: %s, and whole ones: é…", "\ud83d")
"""


def test_what_no_encoding_can_hold_is_escaped_and_stays_one_line(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "Letta.log"
    environment = {
        **os.environ,
        "PYTHONIOENCODING": "ascii:strict",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, "-c", HALF_A_CHARACTER, str(path)], env=environment, capture_output=True, check=False
    )
    assert done.stderr == b""
    printed = done.stdout.decode().splitlines()
    assert printed[0] == str(path)
    assert len(printed) == 2
    assert printed[1].endswith("letta.test half a character: \\ud83d, and whole ones: é…")
    assert path.read_text(encoding="utf-8").splitlines() == printed[1:]
