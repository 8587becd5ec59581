"""Parameters of the agents' operations: what to include, filters, cursors, who asks."""

import re
from typing import Annotated

from fastapi import Depends, Header, Query

from letta.access.grants import Access
from letta.agents.relations import Relation, Relations, wanted_relations
from letta.agents.repository import AgentFilter, AgentOrder
from letta.agents.schemas import StopReasonType
from letta.database.pagination import Order, Page
from letta.http.dependencies import PrincipalDep
from letta.http.parameters import After, Before, Limit

_CURRENT_SDK = re.compile(r"Letta/\w+ [1-9]")
"""User agents of the official clients from 1.0 on, such as ``Letta/Python 1.12.1`` and ``AsyncLetta/JS 1.7.0``."""

Texts = Annotated[list[str] | None, Query()]


async def _current_sdk(
    x_stainless_package_version: Annotated[str | None, Header(include_in_schema=False)] = None,
    user_agent: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> bool:
    return is_current_sdk(x_stainless_package_version, user_agent)


def is_current_sdk(package_version: str | None, user_agent: str | None) -> bool:
    """Whether a request comes from an official client of version 1.0 or newer, or doesn't say where it comes from."""
    return bool(package_version) or not user_agent or _CURRENT_SDK.search(user_agent) is not None


CurrentSdk = Annotated[bool, Depends(_current_sdk)]
"""What `is_current_sdk` says of the request."""


async def _includes(
    current_sdk: CurrentSdk,
    include: Annotated[list[Relation] | None, Query(description="Relations to load.")] = None,
    include_relationships: Annotated[list[str] | None, Query(deprecated=True)] = None,
) -> Relations:
    return wanted_relations(include or [], include_relationships, current_sdk=current_sdk)


Includes = Annotated[Relations, Depends(_includes)]


async def _project(
    project_id: str | None = None,
    x_project_id: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> str | None:
    return project_id or x_project_id or None


async def _header_project(
    x_project_id: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> str | None:
    return x_project_id or None


HeaderProject = Annotated[str | None, Depends(_header_project)]


async def _filter(
    *,
    principal: PrincipalDep,
    project_id: Annotated[str | None, Depends(_project)],
    name: Annotated[str | None, Query(description="The exact name.")] = None,
    query_text: Annotated[
        str | None, Query(description="Part of the name; upper and lower case are treated alike.")
    ] = None,
    tags: Texts = None,
    match_all_tags: Annotated[
        bool, Query(description="Whether one of the tags is enough (any) or all are needed.")
    ] = False,
    template_id: str | None = None,
    base_template_id: str | None = None,
    identity_id: Annotated[str | None, Query(description="Only agents of this identity.")] = None,
    identifier_keys: Annotated[
        list[str] | None, Query(description="Only agents of identities with one of these keys.")
    ] = None,
    last_stop_reason: StopReasonType | None = None,
    created_by_id: str | None = None,
    show_hidden_agents: bool = False,
) -> AgentFilter:
    return AgentFilter(
        name=name,
        query_text=query_text,
        tags=tags,
        match_all_tags=match_all_tags,
        project_id=project_id,
        template_id=template_id,
        base_template_id=base_template_id,
        identity_id=identity_id,
        identifier_keys=identifier_keys,
        last_stop_reason=last_stop_reason,
        created_by_id=created_by_id,
        show_hidden=show_hidden_agents,
        ids=principal.limited_to(Access.READ_AGENT),
    )


Filter = Annotated[AgentFilter, Depends(_filter)]


async def _page(
    before: Before = None,
    after: After = None,
    limit: Limit = 50,
    order: Annotated[Order | None, Query(description="Sort order; desc by default.")] = None,
    ascending: Annotated[bool, Query(deprecated=True)] = False,
) -> Page:
    return Page(limit=limit, before=before, after=after, order=order or ("asc" if ascending else "desc"))


AgentsPage = Annotated[Page, Depends(_page)]


async def _order_by(
    order_by: Annotated[AgentOrder | None, Query(description="Field to sort by; created_at by default.")] = None,
    sort_by: Annotated[AgentOrder | None, Query(deprecated=True)] = None,
) -> AgentOrder:
    return order_by or sort_by or "created_at"


OrderBy = Annotated[AgentOrder, Depends(_order_by)]
