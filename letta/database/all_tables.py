"""The metadata with every room's tables on it, for migrations and tests."""

import letta.agents.tables
import letta.archives.tables
import letta.blocks.tables
import letta.conversations.tables
import letta.folders.tables
import letta.messages.tables
import letta.organizations.tables
import letta.runs.tables
import letta.server.tables
import letta.steps.tables
import letta.tools.tables  # noqa: F401
from letta.database.base import metadata

__all__ = ["metadata"]
