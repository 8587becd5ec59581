"""Which reply a request gets, told from the request alone."""

import pytest

from letta.testing.model.book import Choice, ScriptBook, Turn, marker
from letta.testing.model.script import DEFAULT_TEXT, SUMMARY_TEXT, Call, Failure, Reply, Scenario

FIRST, SECOND = Reply("first"), Reply("second")


@pytest.fixture
def book() -> ScriptBook:
    book = ScriptBook()
    book.register("a", Scenario([FIRST, SECOND]))
    return book


def choose(book: ScriptBook, *turns: tuple[str, str], offers_tools: bool = True) -> Choice:
    newest_first = [Turn(role, text) for role, text in reversed(turns)]
    return book.choose(newest_first, offers_tools=offers_tools)


def test_the_step_is_the_number_of_assistant_messages_behind_the_marker(book: ScriptBook) -> None:
    asked = ("user", f"hello {marker('a')}")
    assert choose(book, asked).reply == FIRST
    assert choose(book, asked, ("assistant", ""), ("tool", "ok")).reply == SECOND
    assert choose(book, asked, ("assistant", ""), ("user", "heartbeat")).reply == SECOND


def test_behind_the_last_step_comes_the_default(book: ScriptBook) -> None:
    turns = [("user", marker("a")), ("assistant", "1"), ("assistant", "2")]
    assert choose(book, *turns).reply.content == DEFAULT_TEXT
    book.set_default(Reply("enough"))
    assert choose(book, *turns).reply == Reply("enough")


def test_the_newest_marker_decides(book: ScriptBook) -> None:
    book.register("b", Scenario([Reply("b")]))
    turns = [("user", marker("a")), ("assistant", "1"), ("user", marker("b"))]
    assert choose(book, *turns).reply == Reply("b")
    assert choose(book, ("user", f"{marker('a')} {marker('b')}")).reply == Reply("b")


def test_unknown_markers_and_those_of_other_roles_count_for_nothing(book: ScriptBook) -> None:
    assert choose(book, ("user", marker("x"))).key == "default"
    assert choose(book, ("system", marker("a")), ("tool", marker("a"))).key == "default"
    assert choose(book, ("user", f"{marker('a')} {marker('x')}")).reply == FIRST


def test_a_summary_that_quotes_the_marker_gets_no_tool_call(book: ScriptBook) -> None:
    book.register("c", Scenario([Reply(calls=[Call("f")])]))
    quoting = ("user", f"Summarize: {marker('c')}")
    assert choose(book, quoting, offers_tools=False).reply == Reply(SUMMARY_TEXT)
    book.register("c", Scenario([Reply(calls=[Call("f")])], without_tools=Reply("short")))
    assert choose(book, quoting, offers_tools=False).reply == Reply("short")


def test_requests_without_tools_or_script_get_a_summary_unless_there_is_a_default(book: ScriptBook) -> None:
    assert choose(book, ("user", "hi"), offers_tools=False).reply == Reply(SUMMARY_TEXT)
    book.set_default(Reply("mine"))
    assert choose(book, ("user", "hi"), offers_tools=False).reply == Reply("mine")


def test_a_failure_ends_after_its_times(book: ScriptBook) -> None:
    failure = Failure("server", times=2)
    choice = Choice("a", 0, Reply(error=failure))
    assert [book.failure_due(choice) for _ in range(3)] == [failure, failure, None]
    assert book.failure_due(Choice("a", 1, Reply(error=failure))) == failure


def test_a_failure_without_times_lasts(book: ScriptBook) -> None:
    failure = Failure("auth")
    choice = Choice("a", 0, Reply(error=failure))
    assert [book.failure_due(choice) for _ in range(3)] == [failure] * 3


def test_a_broken_path_is_mended(book: ScriptBook) -> None:
    failure = Failure("server")
    book.break_path("/embeddings", failure)
    assert book.path_failure_due("/v1/embeddings") == failure
    assert book.path_failure_due("/v1/models") is None
    book.break_path("/embeddings", None)
    assert book.path_failure_due("/v1/embeddings") is None


def test_reset_forgets_scripts_and_counts(book: ScriptBook) -> None:
    choice = Choice("a", 0, Reply(error=Failure("server", times=1)))
    book.failure_due(choice)
    book.reset()
    assert book.failure_due(choice) is not None
    assert choose(book, ("user", marker("a"))).key == "default"
