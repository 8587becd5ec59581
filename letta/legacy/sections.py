"""All parts of the import, in an order in which whatever is referred to is there already."""

from letta.legacy.agents import AGENTS
from letta.legacy.archives import ARCHIVES, PASSAGES
from letta.legacy.blocks import BLOCKS
from letta.legacy.conversations import CONTEXTS, CONVERSATIONS, DEFAULT_CONTEXTS
from letta.legacy.folders import FILE_PASSAGES, FILES, FILES_AGENTS, FOLDERS
from letta.legacy.groups import GROUPS
from letta.legacy.jobs import JOBS
from letta.legacy.messages import MESSAGES
from letta.legacy.people import IDENTITIES, ORGANIZATIONS, USERS
from letta.legacy.providers import PROVIDERS
from letta.legacy.runs import RUNS, STEPS
from letta.legacy.sandboxes import SANDBOX_VARIABLES, SANDBOXES
from letta.legacy.servers import SERVERS
from letta.legacy.sign_ins import SIGN_INS
from letta.legacy.tools import TOOLS
from letta.legacy.upstream import LEFT_BEHIND, REFERENCES

SECTIONS = (
    ORGANIZATIONS,
    USERS,
    PROVIDERS,
    SANDBOXES,
    SANDBOX_VARIABLES,
    TOOLS,
    SERVERS,
    SIGN_INS,
    BLOCKS,
    IDENTITIES,
    FOLDERS,
    FILES,
    ARCHIVES,
    AGENTS,
    FILES_AGENTS,
    GROUPS,
    CONVERSATIONS,
    MESSAGES,
    DEFAULT_CONTEXTS,
    CONTEXTS,
    JOBS,
    RUNS,
    STEPS,
    PASSAGES,
    FILE_PASSAGES,
)


def brought_over() -> set[str]:
    """The former server's tables of which everything that isn't noted otherwise is brought over."""
    return {section.table.name for section in SECTIONS} | REFERENCES.keys()


def known() -> set[str]:
    """All tables of the former server that something is known of."""
    return brought_over() | LEFT_BEHIND.keys()
