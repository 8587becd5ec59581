"""Identities on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from letta.database.ids import id_field
from letta.schema import Schema

MOST_PROPERTIES = 1_000
MOST_MEMBERS = 10_000

IdentityType = Literal["org", "user", "other"]
PropertyType = Literal["string", "number", "boolean", "json"]


IdentityKey = Annotated[str, Field(min_length=1, max_length=1_000, description="Unique key chosen by the client.")]
IdentityName = Annotated[str, Field(max_length=1_000)]
AgentIds = Annotated[list[Annotated[str, id_field("agent")]], Field(max_length=MOST_MEMBERS)]
BlockIds = Annotated[list[Annotated[str, id_field("block")]], Field(max_length=MOST_MEMBERS)]


class IdentityProperty(Schema):
    """Something that is known of an identity."""

    key: str = Field(min_length=1, max_length=1_000)
    value: str | bool | int | float | dict[str, Any] | list[Any]
    type: PropertyType = Field(description="How clients should interpret the value.")


Properties = Annotated[list[IdentityProperty], Field(max_length=MOST_PROPERTIES)]


class CreateIdentity(Schema):
    """A new identity."""

    identifier_key: IdentityKey
    name: IdentityName
    identity_type: IdentityType
    project_id: str | None = None
    agent_ids: AgentIds | None = None
    block_ids: BlockIds | None = None
    properties: Properties | None = None


class UpsertIdentity(CreateIdentity):
    """An identity to be made or, where its key is there already, to be changed. What is left out then stays."""


class UpdateIdentity(Schema):
    """Changes to an identity. Fields that are left out stay as they are; lists are replaced as a whole."""

    identifier_key: IdentityKey | None = None
    name: IdentityName | None = None
    identity_type: IdentityType | None = None
    agent_ids: AgentIds | None = None
    block_ids: BlockIds | None = None
    properties: Properties | None = None


class IdentityResponse(Schema):
    """A stored identity."""

    id: str
    identifier_key: str
    name: str
    identity_type: IdentityType
    project_id: str | None = None
    agent_ids: list[str]
    block_ids: list[str]
    organization_id: str | None = None
    properties: list[IdentityProperty] = Field(default_factory=list)
