"""docs/compatibility.md says of each operation of the former server what a running server says."""

import pytest

from scripts.compatibility import PAGE, answers, page, upstream_operations

pytestmark = pytest.mark.slow


def test_the_page_is_what_a_server_answers(server_environment: dict[str, str]) -> None:
    assert PAGE.read_text() == page(answers(server_environment))


def test_an_operation_that_is_missing_is_no_line_of_the_page() -> None:
    asked = dict.fromkeys(upstream_operations(), (200, ""))
    with pytest.raises(ValueError, match="GET /v1/blocks/ isn't there"):
        page(asked | {"GET /v1/blocks/": (404, "Not Found")})
