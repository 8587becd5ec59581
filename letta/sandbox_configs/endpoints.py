"""Operations on environment variables that the tools of all agents get.

Where tools run, and with which packages, is the operator's choice (docs/tools.md); requests that want to choose it are
refused. So there is one set of settings, of type `local`, which stands for whatever engine is in force.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query

from letta.access.secrecy import secrets_are_shown
from letta.database.ids import example_id, id_pattern
from letta.database.pagination import Page
from letta.errors import NotOfferedError
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import After, Limit
from letta.json_types import JsonObject
from letta.redaction import MASK
from letta.sandbox_configs import repository
from letta.sandbox_configs.repository import SandboxConfig, Variable
from letta.sandbox_configs.schemas import (
    AnyConfig,
    CreateSandboxConfig,
    CreateVariable,
    LocalSandboxConfig,
    SandboxConfigResponse,
    SandboxType,
    UpdateSandboxConfig,
    UpdateVariable,
    VariableResponse,
)

router = APIRouter(prefix="/v1/sandbox-config", tags=["sandbox-config"])

ConfigId = Annotated[str, Path(pattern=id_pattern("sandbox"), examples=[example_id("sandbox")])]
VariableId = Annotated[str, Path(pattern=id_pattern("sandbox-env"), examples=[example_id("sandbox-env")])]

_DEFAULTS: JsonObject = LocalSandboxConfig().model_dump()
_CHOSEN_BY_OPERATOR = (
    "Where tools run, and with which packages, is chosen by whoever runs the server, with LETTA_TOOL_SANDBOX. "
    "Leave 'config' as it is by default, and set environment variables only."
)


@router.get("", response_model=list[SandboxConfigResponse])
async def list_sandbox_configs(
    actor: ActorDep,
    database: DatabaseDep,
    after: After = None,
    limit: Limit = 1000,
    sandbox_type: Annotated[SandboxType | None, Query(description="Only configurations of this type.")] = None,
) -> list[SandboxConfig]:
    """The organization's sandbox configuration, if there is one."""
    return await database.read(repository.list_configs, actor, sandbox_type, Page(limit, after=after, order="asc"))


@router.post("", response_model=SandboxConfigResponse)
async def create_sandbox_config(actor: ActorDep, database: DatabaseDep, body: CreateSandboxConfig) -> SandboxConfig:
    """Create the sandbox configuration, which holds environment variables, or return the existing one."""
    return await database.run(repository.ensure_local, actor, _checked(body.config))


@router.post("/local/default", response_model=SandboxConfigResponse)
async def create_default_local_config(actor: ActorDep, database: DatabaseDep) -> SandboxConfig:
    """Create the sandbox configuration, which holds environment variables, or return the existing one."""
    return await database.run(repository.ensure_local, actor, _DEFAULTS)


@router.post("/local", response_model=SandboxConfigResponse)
async def create_custom_local_config(actor: ActorDep, database: DatabaseDep, body: LocalSandboxConfig) -> SandboxConfig:
    """Create the sandbox configuration, which holds environment variables, or return the existing one."""
    return await database.run(repository.ensure_local, actor, _checked(body))


@router.post("/e2b/default", response_model=SandboxConfigResponse)
async def create_default_e2b_config(actor: ActorDep) -> None:  # noqa: ARG001
    """Not supported: the operator chooses where tools run."""
    raise NotOfferedError(_CHOSEN_BY_OPERATOR)


@router.post("/local/recreate-venv", response_model=SandboxConfigResponse)
async def recreate_local_venv(actor: ActorDep) -> None:  # noqa: ARG001
    """Not supported: tools have no virtual environment."""
    raise NotOfferedError(_CHOSEN_BY_OPERATOR)


@router.patch("/environment-variable/{env_var_id}", response_model=VariableResponse)
async def update_variable(
    actor: ActorDep, database: DatabaseDep, env_var_id: VariableId, body: UpdateVariable
) -> Variable:
    """Change an environment variable."""
    nullable = {"description"}
    changes = {name: value for name, value in body.given().items() if value is not None or name in nullable}
    return _shown(await database.run(repository.update_variable, actor, env_var_id, changes))


@router.delete("/environment-variable/{env_var_id}", response_model=None, status_code=204)
async def delete_variable(actor: ActorDep, database: DatabaseDep, env_var_id: VariableId) -> None:
    """Delete an environment variable."""
    await database.run(repository.delete_variable, actor, env_var_id)


@router.patch("/{sandbox_config_id}", response_model=SandboxConfigResponse)
async def update_sandbox_config(
    actor: ActorDep, database: DatabaseDep, sandbox_config_id: ConfigId, body: UpdateSandboxConfig
) -> SandboxConfig:
    """Accepted for compatibility: only the current configuration can be sent, so nothing changes."""
    found = await database.read(repository.get_config, actor, sandbox_config_id)
    if body.config is not None:
        _checked(body.config)
    return found


@router.delete("/{sandbox_config_id}", response_model=None, status_code=204)
async def delete_sandbox_config(actor: ActorDep, database: DatabaseDep, sandbox_config_id: ConfigId) -> None:
    """Delete the sandbox configuration with all its environment variables."""
    await database.run(repository.delete_config, actor, sandbox_config_id)


@router.get("/{sandbox_config_id}/environment-variable", response_model=list[VariableResponse])
async def list_variables(
    actor: ActorDep, database: DatabaseDep, sandbox_config_id: ConfigId, after: After = None, limit: Limit = 1000
) -> list[Variable]:
    """The environment variables for the tools of all agents."""
    page = Page(limit, after=after, order="asc")
    found = await database.read(repository.list_variables, actor, sandbox_config_id, page)
    return [_shown(variable) for variable in found]


@router.post("/{sandbox_config_id}/environment-variable", response_model=VariableResponse)
async def create_variable(
    actor: ActorDep, database: DatabaseDep, sandbox_config_id: ConfigId, body: CreateVariable
) -> Variable:
    """Add an environment variable for the tools of all agents. An agent's own secrets take precedence."""
    return _shown(await database.run(repository.insert_variable, actor, sandbox_config_id, body.model_dump()))


def _checked(config: AnyConfig) -> JsonObject:
    """The settings, if they are those that are in force anyway."""
    if not isinstance(config, LocalSandboxConfig) or config.model_dump() != _DEFAULTS:
        raise NotOfferedError(_CHOSEN_BY_OPERATOR)
    return _DEFAULTS


def _shown(variable: Variable) -> Variable:
    return variable if secrets_are_shown.get() else replace(variable, value=MASK)
