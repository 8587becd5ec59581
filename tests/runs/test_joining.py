"""Pieces of messages that are joined, and readers that go on in the midst of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letta.runs.joining import can_join, cut, join

TEXT: dict[str, Any] = {"message_type": "assistant_message", "id": "message-1", "otid": "o1", "content": "a"}
THOUGHT: dict[str, Any] = {"message_type": "reasoning_message", "id": "message-1", "otid": "o0", "reasoning": "h"}


def call_piece(arguments: str | None, name: str | None = None, call_id: str = "call_1") -> dict[str, Any]:
    given = {"name": name, "arguments": arguments}
    call = {key: value for key, value in given.items() if value is not None} | {"tool_call_id": call_id}
    head = {"message_type": "tool_call_message", "id": "message-1", "otid": "o2"}
    return head | {"tool_call": call, "tool_calls": call}


@given(st.lists(st.text(max_size=5), min_size=1, max_size=12), st.data())
def test_what_is_cut_off_and_what_is_left_make_the_whole(texts: list[str], data: st.DataObject) -> None:
    joined, pieces = join([TEXT | {"content": text} for text in texts])
    assert joined["content"] == "".join(texts)
    skipped = data.draw(st.integers(0, len(texts)))
    assert cut(joined, pieces, skipped)["content"] == "".join(texts[skipped:])


def test_the_rest_of_a_call_does_not_name_the_tool_again() -> None:
    joined, pieces = join([call_piece(None, "roll"), call_piece('{"si'), call_piece('des": 6}')])
    assert joined["tool_call"] == {"name": "roll", "tool_call_id": "call_1", "arguments": '{"sides": 6}'}
    assert joined["tool_calls"] == joined["tool_call"]
    rest = cut(joined, pieces, 2)
    assert rest["tool_call"] == {"tool_call_id": "call_1", "arguments": 'des": 6}'}
    assert rest["tool_calls"] == rest["tool_call"]


def test_the_signature_of_a_thought_comes_last_and_is_kept() -> None:
    joined, _ = join([THOUGHT | {"signature": None}, THOUGHT | {"reasoning": "m", "signature": "s"}])
    assert (joined["reasoning"], joined["signature"]) == ("hm", "s")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TEXT, THOUGHT),
        (TEXT, TEXT | {"id": "message-2"}),
        (call_piece("{", "roll"), call_piece("{", "roll")),
        (call_piece("{"), call_piece("{", call_id="call_2")),
        (TEXT, TEXT | {"content": [{"type": "text", "text": "a"}]}),
        (
            {"message_type": "hidden_reasoning_message", "id": "m"},
            {"message_type": "hidden_reasoning_message", "id": "m"},
        ),
    ],
)
def test_what_does_not_belong_together_stays_apart(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert not can_join(first, second)


def test_pieces_of_one_part_belong_together() -> None:
    assert can_join(TEXT, TEXT | {"content": "b"})
    assert can_join(call_piece("{", "roll"), call_piece("}"))
