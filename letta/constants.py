"""Facts that never change while a process runs: where it may write, default ids, limits of the API."""

import os
from pathlib import Path

LETTA_DIR = os.environ.get("LETTA_DIR") or "/tmp/letta"  # noqa: S108 - the one place every host lets us write
"""Directory of logs, configuration and cache. Nothing in it is missed when it is lost."""

LOG_FILE = str(Path(LETTA_DIR) / "logs" / "Letta.log")
CONFIG_FILE = str(Path(LETTA_DIR) / "config")

DEFAULT_ORGANIZATION_ID = "org-00000000-0000-4000-8000-000000000000"
DEFAULT_ORGANIZATION_NAME = "default_org"
DEFAULT_USER_ID = "user-00000000-0000-4000-8000-000000000000"
DEFAULT_USER_NAME = "default_user"

DEFAULT_MAX_STEPS = 50
DEFAULT_CONTEXT_WINDOW = 30_000
"""Tokens assumed for a model whose window nobody told us."""

DEFAULT_BLOCK_LIMIT = 100_000
DEFAULT_RETURN_CHAR_LIMIT = 50_000
DEFAULT_EMBEDDING_CHUNK_SIZE = 300
