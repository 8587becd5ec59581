"""Parameters of operations on blocks: which blocks are meant."""

from typing import Annotated

from fastapi import Depends, Query

from letta.blocks.repository import BlockFilter

_Text = Annotated[str | None, Query(max_length=200)]


async def _filter(
    *,
    label: _Text = None,
    name: Annotated[str | None, Query(max_length=100, description="Name of the template.")] = None,
    templates_only: bool = False,
    project_id: str | None = None,
    tags: Annotated[list[str] | None, Query()] = None,
    match_all_tags: bool = False,
) -> BlockFilter:
    return BlockFilter(
        label=label,
        template_name=name,
        templates_only=templates_only,
        project_id=project_id,
        tags=tags,
        match_all_tags=match_all_tags,
    )


async def _search(
    *,
    condition: Annotated[BlockFilter, Depends(_filter)],
    label_search: _Text = None,
    description_search: _Text = None,
    value_search: _Text = None,
    connected_to_agents_count_gt: int | None = None,
    connected_to_agents_count_lt: int | None = None,
    connected_to_agents_count_eq: Annotated[list[int] | None, Query()] = None,
    identity_id: Annotated[str | None, Query(description="Only blocks of this identity.")] = None,
    identifier_keys: Annotated[
        list[str] | None, Query(description="Only blocks of identities with such a key.")
    ] = None,
    show_hidden_blocks: bool = False,
) -> BlockFilter:
    return BlockFilter(
        label=condition.label,
        template_name=condition.template_name,
        templates_only=condition.templates_only,
        project_id=condition.project_id,
        tags=condition.tags,
        match_all_tags=condition.match_all_tags,
        label_search=label_search,
        description_search=description_search,
        value_search=value_search,
        connected_more_than=connected_to_agents_count_gt,
        connected_fewer_than=connected_to_agents_count_lt,
        connected_exactly=connected_to_agents_count_eq,
        show_hidden=show_hidden_blocks,
        identity_id=identity_id,
        identifier_keys=identifier_keys,
    )


Filtered = Annotated[BlockFilter, Depends(_filter)]
"""What lists and counts have in common."""
Searched = Annotated[BlockFilter, Depends(_search)]
"""All that a list can be limited by."""
