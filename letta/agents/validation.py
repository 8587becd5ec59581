"""What a request about an agent may not ask for."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence

from letta.agents.defaults import MAX_FILES_OPEN
from letta.agents.schemas import CreateAgent, UpdateAgent
from letta.blocks.block import Block
from letta.errors import ConflictError, InvalidArgumentError, NotOfferedError

_MODELS_WITH_SEVERAL_FIRST_TOOLS = {"gpt-4o", "gpt-4o-mini"}


def check_create(body: CreateAgent) -> None:
    """Refuse what can't be stored or isn't offered.

    Raises:
        InvalidArgumentError: a value is out of bounds.
        NotOfferedError: a field has no meaning on this server.
    """
    _check_common(body)
    if body.from_template is not None or body.template:
        raise NotOfferedError(
            "'from_template' and 'template' are not supported here. Create agents from templates with POST "
            "/v1/templates/{name}/agents."
        )
    if body.include_default_source:
        raise NotOfferedError(
            "'include_default_source' is not supported, as there is no default folder. Use 'folder_ids'."
        )


def check_update(body: UpdateAgent) -> None:
    """As `check_create`, for changes."""
    _check_common(body)


def check_basic_tools(names: Iterable[str], found: Container[str]) -> None:
    """Refuse to make an agent that lacks tools which its type or a request counts on.

    Raises:
        NotOfferedError: some of the tools aren't there.
    """
    missing = [f"'{name}'" for name in names if name not in found]
    if missing:
        raise NotOfferedError(
            f"This server does not have the tools {', '.join(missing)}, which agents of this type start with. Set "
            "'include_base_tools' and 'include_multi_agent_tools' to false, or choose another agent_type."
        )


def check_labels(blocks: Iterable[Block]) -> None:
    """Refuse blocks of which two have the same label.

    Raises:
        ConflictError: there are such.
    """
    twice = [label for label, count in Counter(block.label for block in blocks).items() if count > 1]
    if twice:
        names = ", ".join(f"'{label}'" for label in twice)
        raise ConflictError(
            f"An agent can have only one block per label, but several are labelled {names}. Rename them."
        )


def check_rules(rules: Sequence[dict[str, object]], model_name: str) -> None:
    """Refuse rules that the agent's model can't follow.

    Raises:
        InvalidArgumentError: several tools are to be the first.
    """
    first = [rule["tool_name"] for rule in rules if rule["type"] == "run_first"]
    if len(first) > 1 and model_name not in _MODELS_WITH_SEVERAL_FIRST_TOOLS:
        raise InvalidArgumentError(
            f"With the model '{model_name}' only one tool can have a 'run_first' rule, but these have: {first}. "
            "Keep one of them in 'tool_rules'."
        )


def _check_common(body: CreateAgent | UpdateAgent) -> None:
    if body.max_files_open is not None and body.max_files_open > MAX_FILES_OPEN:
        raise InvalidArgumentError(
            f"max_files_open is {body.max_files_open}, but cannot exceed {MAX_FILES_OPEN}. Lower it."
        )
