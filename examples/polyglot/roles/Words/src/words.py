"""What there is to say about a text."""

import string


def ignored(setting: str) -> set[str]:
    """The words of the setting `IgnoredWords`, which are not counted."""
    return {word.strip().casefold() for word in setting.split(",")} - {""}


def words_of(text: str, ignore: set[str]) -> list[str]:
    """The words of a text as they are written, without punctuation around them."""
    words = (word.strip(string.punctuation) for word in text.split())
    return [word for word in words if word and word.casefold() not in ignore]


def longest(words: list[str]) -> str:
    """The first of the longest words; `-` when there are none."""
    return max(words, key=len, default="-")
