"""The file LETTA_DIR/config, and what happens when it isn't as it should be."""

import logging
from pathlib import Path

import pytest

from letta.config import LettaConfig


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "letta" / "config"


def expect_postgres(config: LettaConfig) -> None:
    assert (config.recall_storage_type, config.archival_storage_type) == ("postgres", "postgres")


def test_it_is_made_where_there_is_none(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = LettaConfig.load(str(path))
    expect_postgres(config)
    assert config.config_path == str(path)
    written = path.read_text()
    assert "[recall_storage]\ntype = postgres\n" in written
    assert [entry.name for entry in path.parent.iterdir()] == ["config"]
    LettaConfig.load(str(path))
    assert path.read_text() == written
    assert caplog.messages == []


def test_what_people_have_added_stays(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("[mine]\nkey = value\n")
    expect_postgres(LettaConfig.load(str(path)))
    assert path.read_text() == "[mine]\nkey = value\n"


@pytest.mark.parametrize("content", [b"no section = 1\n", b"\xff\xfe\x00", b"[a]\n[a]\n"])
def test_a_spoilt_file_is_told_and_does_no_harm(path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    expect_postgres(LettaConfig.load(str(path)))
    (message,) = caplog.messages
    assert message.startswith(f"the configuration file {path} can't be used (")
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_to_does_no_harm(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.write_text("a file where a directory should be")
    expect_postgres(LettaConfig.load(str(path)))
    assert "can't be used" in caplog.text


def test_a_file_of_another_server_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_text("[recall_storage]\ntype = sqlite\n[archival_storage]\ntype = chroma\n")
    with caplog.at_level(logging.WARNING):
        expect_postgres(LettaConfig.load(str(path)))
    assert caplog.messages == [
        f"the configuration file {path} sets recall_storage to sqlite, but only postgres is supported",
        f"the configuration file {path} sets archival_storage to chroma, but only postgres is supported",
    ]
