"""What kinds of values environment variables have, and how they are cleaned."""

from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsGroup(BaseSettings):
    """Variables that belong together. The first line of a group's docstring is its heading in the documentation."""

    model_config = SettingsConfigDict(
        extra="ignore",
        case_sensitive=True,
        populate_by_name=True,
        env_ignore_empty=True,
        defer_build=True,  # only all of them together are read
    )


def env(*names: str) -> AliasChoices:
    """The variables that a setting is read from; the first that is set counts."""
    return AliasChoices(*names)


def stripped(value: object) -> object:
    """Without the line end that came along when it was pasted; what is blank is unset."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return value.strip() or None if isinstance(value, str) else value


def upper(value: object) -> object:
    """Whatever its case."""
    return value.strip().upper() if isinstance(value, str) else value


def lower(value: object) -> object:
    """Whatever its case."""
    return value.strip().lower() if isinstance(value, str) else value


Text = Annotated[str | None, BeforeValidator(stripped)]
Secret = Annotated[SecretStr | None, BeforeValidator(stripped)]
