"""Settings of sandboxes on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from letta.schema import Schema, Timestamp

SandboxType = Literal["e2b", "modal", "local"]
VariableName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^=\x00]+$")]


class PipRequirement(Schema):
    """A package of Python."""

    name: str = Field(min_length=1)
    version: str | None = None


class LocalSandboxConfig(Schema):
    """Where tools run on the server's machine. That is the operator's choice here: only defaults are taken."""

    sandbox_dir: str | None = None
    use_venv: bool = False
    venv_name: str = "venv"
    pip_requirements: list[PipRequirement] = Field(default_factory=list)


class E2BSandboxConfig(Schema):
    """Not offered."""

    timeout: int = 300
    template: str | None = None
    pip_requirements: list[str] | None = None


class ModalSandboxConfig(Schema):
    """Not offered."""

    timeout: int = 60
    pip_requirements: list[str] | None = None
    npm_requirements: list[str] | None = None
    language: Literal["python", "typescript"] = "python"


AnyConfig = LocalSandboxConfig | E2BSandboxConfig | ModalSandboxConfig


class CreateSandboxConfig(Schema):
    """New settings."""

    config: AnyConfig


class UpdateSandboxConfig(Schema):
    """Changes to settings."""

    config: AnyConfig | None = None


class SandboxConfigResponse(Schema):
    """Stored settings of the tools of all agents."""

    id: str
    type: SandboxType
    organization_id: str | None = None
    config: dict[str, Any]
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class CreateVariable(Schema):
    """A new environment variable of all tools."""

    key: VariableName
    value: str
    description: str | None = None


class UpdateVariable(Schema):
    """Changes to an environment variable."""

    key: VariableName | None = None
    value: str | None = None
    description: str | None = None


class VariableResponse(Schema):
    """An environment variable of all tools."""

    id: str
    key: str
    value: str
    description: str | None = None
    organization_id: str | None = None
    value_enc: str | None = Field(None, description="Always null: encrypted values are never returned.")
    sandbox_config_id: str
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
