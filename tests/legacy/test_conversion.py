"""Single values of the former server, in all the forms that they are known in."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letta.database.ids import id_pattern
from letta.legacy.compaction import is_default_prompt
from letta.legacy.messages import unwrapped
from letta.legacy.notes import Notes
from letta.legacy.secrets import LegacySecrets, SecretLockedError
from letta.legacy.values import default_conversation_id, parsed, parsed_texts
from tests.legacy.former_server import encrypted
from tests.legacy.world import envelope

KEY = "one key"


@settings(max_examples=10, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_was_encrypted_is_opened(secret: str) -> None:
    assert LegacySecrets(KEY).open(encrypted(secret, KEY)) == secret


@pytest.mark.parametrize(
    "plain", ["sk-" + "a" * 60, "Bearer " + "QUJD" * 20, "short", "not base64 at all, but long " * 4]
)
def test_what_was_stored_plainly_is_read_with_and_without_a_key(plain: str) -> None:
    assert LegacySecrets(KEY).open(plain) == plain
    assert LegacySecrets(None).open(plain) == plain


def test_another_key_is_no_key() -> None:
    sealed = encrypted("secret", KEY)
    for key in ("another", None):
        with pytest.raises(SecretLockedError):
            LegacySecrets(key).open(sealed)


@pytest.mark.parametrize(
    ("sealed", "older", "secret"), [(None, "older", "older"), ("", "older", "older"), (None, None, None)]
)
def test_what_older_versions_wrote_counts_where_nothing_is_sealed(
    sealed: str | None, older: str | None, secret: str | None
) -> None:
    assert LegacySecrets(KEY).open(sealed, older) == secret


@pytest.mark.parametrize(
    ("response", "value", "failed"),
    [
        (envelope("4"), "4", False),
        (envelope("No.", "Failed"), "No.", True),
        ('{"status": "OK", "message": {"a": 1}}', '{"a": 1}', False),
        ('{"status": "OK", "message": null}', "None", False),
        ('{"status": "?", "message": "x"}', '{"status": "?", "message": "x"}', False),
        ("plain text", "plain text", False),
        ("[1", "[1", False),
        ([{"type": "text", "text": "x"}], [{"type": "text", "text": "x"}], False),
        (None, "", False),
    ],
)
def test_returns_come_out_of_their_envelopes(response: Any, value: Any, failed: bool) -> None:
    assert unwrapped(response) == (value, failed)


@given(st.text())
def test_ids_are_derived_alike_each_time(agent_id: str) -> None:
    made = default_conversation_id(agent_id)
    assert made == default_conversation_id(agent_id)
    assert re.fullmatch(id_pattern("conv"), made)
    assert made != default_conversation_id(agent_id + "x")


def test_json_is_read_without_what_nobody_can_store() -> None:
    assert parsed('["a\\u0000b", "\\ud800", "\\ud83d\\ude00", "c\\\\u0000"]') == [
        "ab",
        "\ufffd",
        "\U0001f600",
        "c\\u0000",
    ]
    assert parsed("null") is None
    assert parsed_texts('["a", 1, "a", null, "b"]') == ["a", "b"]
    assert parsed_texts('{"a": 1}') == []


def test_prompts_of_the_former_server_are_recognised() -> None:
    assert is_default_prompt("x" * 2182)
    assert not is_default_prompt("Summarize as a poem.")
    assert not is_default_prompt(None)


def test_notes_are_kept_with_some_examples() -> None:
    notes = Notes()
    for number in range(7):
        notes.add("Left out", f"thing {number}")
    again = Notes.from_json(notes.to_json())
    again.merge(notes)
    assert list(again) == ["Left out: 14 (thing 0, thing 1, thing 2, thing 3, thing 4, …)"]
