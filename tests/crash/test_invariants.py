"""The campaign's check of requests can fail; the others were seen to, in campaigns on broken servers."""

import pytest

from tests.crash.invariants import refusal

CALL = {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]}
USER = {"role": "user", "content": "?"}


def result(call: str) -> dict[str, str]:
    return {"role": "tool", "tool_call_id": call}


def test_calls_with_their_results_are_accepted() -> None:
    assert refusal([USER, CALL, result("b"), result("a"), {"role": "assistant", "tool_calls": None}]) is None


@pytest.mark.parametrize(
    "messages",
    [
        [USER, CALL],
        [CALL, result("a"), USER],
        [CALL, USER, result("a"), result("b")],
        [result("a")],
        [CALL, result("a"), result("a"), result("b")],
        [CALL, result("a"), result("b"), result("a")],
    ],
)
def test_calls_and_results_that_are_apart_are_found(messages: list[dict[str, object]]) -> None:
    assert refusal(messages)
