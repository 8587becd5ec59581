"""Organizations and users on the wire."""

from typing import Annotated

from pydantic import Field

from letta.database.ids import id_pattern
from letta.schema import Schema, Timestamp

Name = Annotated[str, Field(min_length=1, max_length=255)]
UserId = Annotated[str, Field(pattern=id_pattern("user"))]
_PRIVILEGED = "Stored for clients that set it; no effect on this server."


class OrganizationResponse(Schema):
    """An organization."""

    id: str
    name: str
    created_at: Timestamp
    privileged_tools: bool = Field(False, description=_PRIVILEGED)


class CreateOrganization(Schema):
    """A new organization."""

    name: Name | None = Field(None, description="A generated name by default.")
    privileged_tools: bool | None = Field(None, description=_PRIVILEGED)


class UpdateOrganization(Schema):
    """Changes to an organization. What is left out, or null, stays."""

    name: Name | None = None
    privileged_tools: bool | None = Field(None, description=_PRIVILEGED)


class UserResponse(Schema):
    """A user."""

    id: str
    organization_id: str
    name: str
    created_at: Timestamp
    updated_at: Timestamp
    is_deleted: bool = Field(False, description="True in the response to a deletion.")


class CreateUser(Schema):
    """A new user."""

    name: Name
    organization_id: str = Field(description="The organization that the user belongs to.")


class UpdateUser(Schema):
    """Changes to a user. What is left out, or null, stays."""

    id: UserId
    name: Name | None = None
    organization_id: str | None = Field(
        None, description="Move the user to this organization; what the user has created stays behind."
    )
