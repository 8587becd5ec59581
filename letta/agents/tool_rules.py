"""Tool rules on the wire. What they do is decided in `letta.turn.tool_rules`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from letta.schema import Schema


class _Rule(Schema):
    tool_name: str = Field(description="The tool that the rule applies to.")
    prompt_template: str | None = Field(None, description="Kept for older clients; has no effect.")


class ToolCallNode(Schema):
    """A tool that may follow, with arguments that are fixed in advance."""

    name: str
    args: dict[str, Any] | None = None


class ChildToolRule(_Rule):
    """Right after the tool, only its children may be called."""

    type: Literal["constrain_child_tools"] = "constrain_child_tools"
    children: list[str]
    child_arg_nodes: list[ToolCallNode] | None = None


class InitToolRule(_Rule):
    """The first call of a turn must be one of the tools with such a rule."""

    type: Literal["run_first"] = "run_first"
    args: dict[str, Any] | None = Field(None, description="Arguments that override the model's.")


class TerminalToolRule(_Rule):
    """The turn ends once the tool has run."""

    type: Literal["exit_loop"] = "exit_loop"


class ConditionalToolRule(_Rule):
    """What the tool returns decides on the next tool."""

    type: Literal["conditional"] = "conditional"
    default_child: str | None = None
    child_output_mapping: dict[str, str]
    require_output_mapping: bool = False


class ContinueToolRule(_Rule):
    """The turn goes on after the tool."""

    type: Literal["continue_loop"] = "continue_loop"


class RequiredBeforeExitToolRule(_Rule):
    """The turn may not end before the tool was called."""

    type: Literal["required_before_exit"] = "required_before_exit"


class MaxCountPerStepToolRule(_Rule):
    """The tool may be called so many times in a turn."""

    type: Literal["max_count_per_step"] = "max_count_per_step"
    max_count_limit: int = Field(ge=0)


class ParentToolRule(_Rule):
    """The children may be called only right after the tool."""

    type: Literal["parent_last_tool"] = "parent_last_tool"
    children: list[str]


class RequiresApprovalToolRule(_Rule):
    """A person has to approve each call of the tool."""

    type: Literal["requires_approval"] = "requires_approval"


ToolRule = Annotated[
    ChildToolRule
    | InitToolRule
    | TerminalToolRule
    | ConditionalToolRule
    | ContinueToolRule
    | RequiredBeforeExitToolRule
    | MaxCountPerStepToolRule
    | ParentToolRule
    | RequiresApprovalToolRule,
    Field(discriminator="type"),
]
