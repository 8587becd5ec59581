"""Every environment variable that the server reads, read once and typed.

Names are those that operators of the former server know, where such a name exists.
"""

import os
from enum import Enum

from pydantic import AliasChoices, ValidationError

from letta.errors import ConfigurationError
from letta.settings.agents import MemorySettings, TurnSettings, UploadSettings
from letta.settings.database import DatabaseSettings
from letta.settings.http import HttpSettings
from letta.settings.models import ProviderSettings
from letta.settings.operations import FileSettings, HostSettings, LogSettings, TelemetrySettings
from letta.settings.tools import SecretSettings, ToolSettings


class DatabaseChoice(Enum):
    """The storage engines there are: one."""

    POSTGRES = "postgres"


GROUPS = (
    FileSettings,
    DatabaseSettings,
    HttpSettings,
    SecretSettings,
    ProviderSettings,
    ToolSettings,
    TurnSettings,
    MemorySettings,
    UploadSettings,
    TelemetrySettings,
    LogSettings,
    HostSettings,
)
"""In the order of the documentation."""


class Settings(
    HostSettings,
    LogSettings,
    TelemetrySettings,
    UploadSettings,
    MemorySettings,
    TurnSettings,
    ToolSettings,
    ProviderSettings,
    SecretSettings,
    HttpSettings,
    DatabaseSettings,
    FileSettings,
):
    """Configuration of one server process. Field descriptions are the reference documentation of each variable."""

    @property
    def database_engine(self) -> DatabaseChoice:
        """The storage engine in force."""
        return DatabaseChoice.POSTGRES

    @property
    def bind_host(self) -> str:
        """The address to listen on."""
        return self.host or ("0.0.0.0" if self.render else "127.0.0.1")  # noqa: S104 - Render routes to it

    @property
    def bind_port(self) -> int:
        """The port to listen on."""
        if self.port is not None:
            return self.port
        if self.server_port is not None:
            return self.server_port
        return 10000 if self.render else 8283

    @property
    def max_body_bytes(self) -> int:
        """The largest request body that is accepted."""
        return self.max_body_mb * 1024 * 1024


def read_settings() -> Settings:
    """The settings of this process's environment.

    Raises:
        ConfigurationError: a variable's value can't be used. It isn't shown, as it may be secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"{_named(str(problem['loc'][0]))}: {problem['msg']}" for problem in error.errors())
        raise ConfigurationError(f"{problems}. Correct or remove the variable.") from None


def _named(variable: str) -> str:
    """The name that is set, where a setting has several: problems are reported under the first."""
    for field in Settings.model_fields.values():
        names = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
        if variable in names:
            return next((str(name) for name in names if name in os.environ), variable)
    return variable


settings = read_settings()
