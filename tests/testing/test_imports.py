"""The testing tools cost nothing until they are used."""

import subprocess
import sys

CHECK = """
import sys, threading
import letta.testing.postgres, letta.testing.remote_model, letta.testing.scripted_model, letta.testing.server
heavy = {"letta_client", "openai", "psycopg2", "pydantic", "fastapi", "sqlalchemy", "pytest"} & set(sys.modules)
sys.exit(f"imported: {heavy}" if heavy else threading.active_count() - 1)
"""


def test_nothing_heavy_is_imported_and_nothing_is_started() -> None:
    ended = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
