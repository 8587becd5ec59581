"""Environment variables as people set them."""

import subprocess
import sys
from pathlib import Path

import pytest

from letta.database.configured import data_directory
from letta.errors import ConfigurationError
from letta.settings import Settings, read_settings
from letta.settings.spelling import misspelt


@pytest.mark.parametrize("variable", ["LETTA_SERVER_PASSWORD", "OPENAI_API_KEY", "LETTA_ENCRYPTION_KEY"])
@pytest.mark.parametrize("pasted", ["s3cret\n", " s3cret\r\n", "\ts3cret "])
def test_secrets_lose_the_line_end_that_was_pasted_with_them(
    monkeypatch: pytest.MonkeyPatch, variable: str, pasted: str
) -> None:
    monkeypatch.setenv(variable, pasted)
    settings = Settings()
    (value,) = [
        value.get_secret_value()
        for value in (settings.server_password, settings.openai_api_key, settings.encryption_key)
        if value is not None and value.get_secret_value().strip() == "s3cret"
    ]
    assert value == "s3cret"


def test_texts_lose_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example/v1\n")
    assert Settings().openai_base_url == "https://models.example/v1"


@pytest.mark.parametrize(("written", "level"), [("debug", "DEBUG"), ("Warning\n", "WARNING"), ("INFO", "INFO")])
def test_log_levels_in_any_case(monkeypatch: pytest.MonkeyPatch, written: str, level: str) -> None:
    monkeypatch.setenv("LETTA_LOG_LEVEL", written)
    assert Settings().log_level == level


def test_a_log_level_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETTA_LOG_LEVEL", "verbose")
    with pytest.raises(ConfigurationError, match=r"LETTA_LOG_LEVEL: .*'DEBUG'.*Correct or remove the variable"):
        read_settings()


def test_a_quoted_home_directory_is_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LETTA_PG_DATA", "~/data")
    assert data_directory(Settings()) == tmp_path / "data"
    monkeypatch.setenv("LETTA_PG_DATA", "~nobody-of-that-name/data")
    with pytest.raises(ConfigurationError, match="LETTA_PG_DATA"):
        read_settings()


def test_a_port_that_there_is_not_is_refused_in_a_few_lines() -> None:
    command = [sys.executable, "-m", "letta.cli", "server", "--port", "99999"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_spelt_like_a_setting_is_told() -> None:
    told = misspelt(["LETTA_SERVER_PASSWORT", "LETTA_PG_URL", "LETTA_PG_URI", "LETTA_API_KEY", "LETTA_PG_DATA", "PATH"])
    assert told == [("LETTA_PG_URL", "LETTA_PG_URI"), ("LETTA_SERVER_PASSWORT", "LETTA_SERVER_PASSWORD")]
