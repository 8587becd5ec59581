"""Secrets at rest."""

import pytest

from letta.database.encryption import Keyring
from letta.errors import ConfigurationError


def _keyring(key: str | None) -> Keyring:
    keyring = Keyring()
    keyring.load(key)
    return keyring


def test_a_secret_comes_back_and_is_never_stored_in_clear() -> None:
    keyring = _keyring("a key")
    stored = keyring.encrypt("hunter2", "table.column")
    assert "hunter2" not in stored
    assert keyring.decrypt(stored, "table.column") == "hunter2"


def test_the_same_secret_is_stored_differently_each_time() -> None:
    keyring = _keyring("a key")
    assert keyring.encrypt("x", "c") != keyring.encrypt("x", "c")


@pytest.mark.parametrize("other", ["another key", None])
def test_another_key_or_none_names_the_setting(other: str | None) -> None:
    stored = _keyring("a key").encrypt("hunter2", "c")
    with pytest.raises(ConfigurationError, match="LETTA_ENCRYPTION_KEY"):
        _keyring(other).decrypt(stored, "c")


def test_a_secret_can_not_be_moved_to_another_column() -> None:
    keyring = _keyring("a key")
    with pytest.raises(ConfigurationError, match="damaged"):
        keyring.decrypt(keyring.encrypt("hunter2", "one.column"), "other.column")


def test_values_written_without_a_key_stay_readable_with_one() -> None:
    stored = _keyring(None).encrypt("hunter2", "c")
    assert _keyring("a key").decrypt(stored, "c") == "hunter2"
