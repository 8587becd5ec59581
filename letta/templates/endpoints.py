"""Operations on templates."""

from typing import Annotated

from fastapi import APIRouter, Path

from letta.agents.parameters import HeaderProject
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import page_parameters
from letta.organizations.actor import Actor
from letta.server.server import SyncServer
from letta.templates import repository, service
from letta.templates.schemas import (
    PROJECT,
    CreateAgents,
    CreatedAgents,
    CreateTemplate,
    Done,
    RollBack,
    SaveTemplate,
    TemplateResponse,
    UpdateTemplate,
    VersionResponse,
)
from letta.templates.service import Templates
from letta.templates.template import Template

router = APIRouter(prefix="/v1/templates", tags=["templates"])

Name = Annotated[str, Path(max_length=100, description="Name of the template.")]
NameAndVersion = Annotated[
    str,
    Path(
        max_length=200,
        description="Name of the template, optionally followed by a colon and a version; by default, the latest "
        "version.",
    ),
]
TemplatesPage = Annotated[Page, page_parameters()]


@router.get("", response_model=list[TemplateResponse])
async def list_templates(actor: ActorDep, database: DatabaseDep, page: TemplatesPage) -> list[TemplateResponse]:
    """The organization's templates, newest first."""
    return [_shown(each) for each in await database.read(repository.list_templates, actor, page)]


@router.post("", response_model=TemplateResponse)
async def create_template(
    actor: ActorDep, server: ServerDep, body: CreateTemplate, project_id: HeaderProject
) -> TemplateResponse:
    """Create a template from an agent or an agent file. Its current state becomes version 1."""
    return _shown(await (await _templates(server, actor)).create(body, project_id))


@router.get("/{template_name}", response_model=TemplateResponse)
async def retrieve_template(actor: ActorDep, database: DatabaseDep, template_name: Name) -> TemplateResponse:
    """One template."""
    return _shown(await database.read(repository.get_template, actor, template_name))


@router.patch("/{template_name}", response_model=Done)
async def update_template(actor: ActorDep, server: ServerDep, template_name: Name, body: UpdateTemplate) -> Done:
    """Replace the working copy with an agent file. Versions and agents are not changed."""
    await (await _templates(server, actor)).update(template_name, body)
    return Done()


@router.delete("/{template_name}", response_model=Done)
async def delete_template(actor: ActorDep, database: DatabaseDep, template_name: Name) -> Done:
    """Delete a template with its versions. Agents created from it are kept."""
    await database.run(repository.delete_template, actor, template_name)
    return Done()


@router.get("/{template_name}/versions", response_model=list[VersionResponse])
async def list_versions(
    actor: ActorDep, database: DatabaseDep, template_name: Name, page: TemplatesPage
) -> list[VersionResponse]:
    """The template's saved versions, newest first."""
    template = await database.read(repository.get_template, actor, template_name)
    found = await database.read(repository.versions_of, template, page)
    return [VersionResponse(id=v.id, version=str(v.version), message=v.message, created_at=v.created_at) for v in found]


@router.post("/{template_name}/save", response_model=TemplateResponse)
async def save_template(
    actor: ActorDep, server: ServerDep, template_name: Name, body: SaveTemplate | None = None
) -> TemplateResponse:
    """Save the working copy as the next version and, if wanted, update the agents created from the template."""
    return _shown(await (await _templates(server, actor)).save(template_name, body or SaveTemplate()))


@router.post("/{template_name}/rollback", response_model=Done)
async def roll_back_template(actor: ActorDep, database: DatabaseDep, template_name: Name, body: RollBack) -> Done:
    """Make a saved version the working copy again. Agents are not changed until it is saved and they are migrated."""
    version = await database.run(service.roll_back, actor, template_name, body.version)
    return Done(message=f"The working copy is that of version {version.version}")


@router.post("/{template_version}/agents", response_model=CreatedAgents)
async def create_agents(
    actor: ActorDep, server: ServerDep, template_version: NameAndVersion, body: CreateAgents | None = None
) -> CreatedAgents:
    """Create agents from a version of a template, each with its own blocks."""
    return await (await _templates(server, actor)).create_agents(template_version, body or CreateAgents())


async def _templates(server: SyncServer, actor: Actor) -> Templates:
    return Templates(server.database, await server.catalogs.whole(actor), actor)


def _shown(template: Template) -> TemplateResponse:
    return TemplateResponse(
        id=template.id,
        name=template.name,
        description=template.description,
        latest_version=str(template.latest_version),
        project_id=template.project_id or PROJECT,
        project_slug=template.project_id or PROJECT,
        template_deployment_slug=f"{template.name}:{template.latest_version}",
        updated_at=template.updated_at,
    )
