"""Names of agents."""

import pytest

from letta.agents.names import check_name, random_name


@pytest.mark.parametrize("name", ["Ada", "o'Neil-2", "snake_case", "日本 語", "Ünï cødé"])
def test_names_of_letters_in_any_language_are_kept(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a:b", "a*?", "a\nb", "a\n", "a\0", "<b>"])
def test_names_that_could_harm_a_file_system_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use only letters"):
        check_name(name)


def test_made_up_names_are_two_capitalised_words_and_differ() -> None:
    names = {random_name() for _ in range(50)}
    assert len(names) > 25
    for name in names:
        assert check_name(name) == name
        assert sum(character.isupper() for character in name) == 2
