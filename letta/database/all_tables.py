"""The metadata with every room's tables on it, for migrations and tests."""

import letta.access.tables
import letta.agents.tables
import letta.archives.tables
import letta.blocks.tables
import letta.conversations.tables
import letta.database.tables
import letta.folders.tables
import letta.groups.tables
import letta.identities.tables
import letta.jobs.tables
import letta.mcp.tables
import letta.messages.tables
import letta.organizations.tables
import letta.providers.tables
import letta.runs.tables
import letta.sandbox_configs.tables
import letta.schedules.tables
import letta.steps.tables
import letta.templates.tables
import letta.tools.tables
import letta.webhooks.tables  # noqa: F401
from letta.database.base import metadata

__all__ = ["metadata"]
