"""When the server must not start, and what it says then."""

from pathlib import Path

import pytest

from letta.errors import ConfigurationError
from letta.server import facts_repository, policy
from letta.settings import Settings

PASSWORD = "a password"


def _settings(**values: object) -> Settings:
    return Settings.model_validate(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"HOST": "0.0.0.0"}, "LETTA_SERVER_PASSWORD"),
        ({"HOST": "0.0.0.0"}, "docker run -e LETTA_SERVER_PASSWORD"),
        ({"HOST": "192.0.2.1"}, "LETTA_ALLOW_NO_PASSWORD"),
        ({"RENDER": "true"}, "LETTA_SERVER_PASSWORD"),
        ({"RENDER": "true", "LETTA_SERVER_SECURE": "true"}, "secure"),
        ({"HOST": "0.0.0.0", "SECURE": "true", "LETTA_ALLOW_NO_PASSWORD": "true"}, "secure"),
        ({"RENDER": "true", "PORT": "18012", "LETTA_SERVER_PASSWORD": PASSWORD}, "reserved by Render"),
    ],
)
def test_it_refuses(values: dict[str, str], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as caught:
        policy.check_settings(_settings(**values))
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"HOST": "127.0.0.1"},
        {"HOST": "::1"},
        {"HOST": "localhost"},
        {"LETTA_SERVER_SECURE": "true"},
        {"HOST": "0.0.0.0", "LETTA_SERVER_PASSWORD": PASSWORD},
        {"HOST": "0.0.0.0", "LETTA_ALLOW_NO_PASSWORD": "true"},
        {"RENDER": "true", "LETTA_SERVER_PASSWORD": PASSWORD},
    ],
)
def test_it_starts(values: dict[str, str]) -> None:
    policy.check_settings(_settings(**values))


def test_render_without_a_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LETTA_PG_URI is not set"):
        policy.check_embedded(_settings(RENDER="true"), tmp_path)


def test_a_container_without_a_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="docker run -v letta-data:/var/lib/letta"):
        policy.check_embedded(_settings(LETTA_IN_CONTAINER="1"), tmp_path)


def test_outside_of_containers_any_directory_serves(tmp_path: Path) -> None:
    policy.check_embedded(_settings(), tmp_path)


def test_render_without_an_encryption_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="LETTA_ENCRYPTION_KEY"):
        policy.check_encryption_key(_settings(RENDER="true"))
    policy.check_encryption_key(_settings())


@pytest.mark.parametrize(
    ("values", "host", "port"),
    [
        ({}, "127.0.0.1", 8283),
        ({"RENDER": "true"}, "0.0.0.0", 10000),
        ({"RENDER": "true", "PORT": "12345"}, "0.0.0.0", 12345),
        ({"LETTA_SERVER_PORT": "9000"}, "127.0.0.1", 9000),
        ({"LETTA_SERVER_PORT": "9000", "PORT": "9001", "HOST": "0.0.0.0"}, "0.0.0.0", 9001),
    ],
)
def test_where_it_listens(values: dict[str, str], host: str, port: int) -> None:
    settings = _settings(**values)
    assert (settings.bind_host, settings.bind_port) == (host, port)


def test_blank_variables_are_unset_ones() -> None:
    assert _settings(LETTA_SERVER_PASSWORD="  ", LETTA_PG_URI="").server_password is None


class TestEncryptionKeyOfTheDatabase:
    def test_the_first_key_is_remembered_and_another_refused(self, connection: object) -> None:
        facts_repository.check_encryption_key(connection, "fingerprint-1")  # type: ignore[arg-type]
        facts_repository.check_encryption_key(connection, "fingerprint-1")  # type: ignore[arg-type]
        for other in ("fingerprint-2", None):
            with pytest.raises(ConfigurationError, match=r"LETTA_ENCRYPTION_KEY.*Nothing was changed"):
                facts_repository.check_encryption_key(connection, other)  # type: ignore[arg-type]
