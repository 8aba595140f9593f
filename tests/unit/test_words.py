"""What a search finds, and how far one request looks."""

import pytest

from tocsin.errors import Invalid
from tocsin.types import JsonObject, Page
from tocsin.words import AT_ONCE, MOST_LOOKED_AT, folded, has_words, page_with, parse_words, texts_of


@pytest.mark.parametrize(
    ("search", "text"),
    [
        ("ALICE", "Bob and alice"),
        ("bob alice", "alice and bob"),
        ("straße", "STRASSE"),
        ("finance", "the \ufb01nance office"),
        ("ＦＵＬＬ", "full width"),
        ("jürgen", "ju\u0308rgen"),
        ("true", True),
        ("4711", {"invoice": 4711}),
        ("deep", {"a": [{"b": ["deep"]}]}),
    ],
)
def test_words_are_found_in_any_order_case_and_spelling(search: str, text: object) -> None:
    assert has_words(texts_of(text), parse_words(search))  # type: ignore[arg-type]


@pytest.mark.parametrize(("search", "text"), [("alice bob", "alice"), ("invoice", {"invoice": 1}), ("none", None)])
def test_all_words_must_be_there_and_names_of_members_are_none(search: str, text: object) -> None:
    assert not has_words(texts_of(text), parse_words(search))  # type: ignore[arg-type]


def test_folding_twice_changes_nothing() -> None:
    for text in ("ﬁ", "İ", "ŉ", "ß", "Σς", "\u0345"):
        assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    ("search", "says"), [(" ", "is empty"), ("x" * 501, "501 characters"), (" ".join("abcdefghijk"), "11 words")]
)
def test_a_search_that_is_none_is_refused(search: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_words(search)

    assert refused.value.violations[0].path == "search"
    assert says in refused.value.violations[0].message


class _List:
    """Entries by name, every hundredth of which is wanted."""

    def __init__(self, entries: int) -> None:
        self.names = [f"{each:06d} {'wanted' if each % 100 == 0 else 'other'}" for each in range(entries)]
        self.reads = 0

    def page(self, after: str | None, limit: int) -> Page[JsonObject]:
        self.reads += 1
        left = [name for name in self.names if after is None or name > after]
        return Page(tuple({"name": name} for name in left[:limit]), left[limit - 1] if len(left) > limit else None)

    def all(self, search: str | None, limit: int) -> list[list[str]]:
        """The names on each page until the end."""
        pages, after = [], None
        while True:
            page = page_with(
                parse_words(search),
                self.page,
                key=lambda entry: str(entry["name"]),
                after=after,
                limit=limit,
            )
            pages.append([str(entry["name"]) for entry in page.items])
            after = page.last
            if after is None:
                return pages


@pytest.mark.parametrize("limit", [1, 7, 30, 1000])
def test_pages_of_a_search_have_each_entry_once(limit: int) -> None:
    entries = _List(2_345)

    pages = entries.all("WANTED", limit)

    assert [name for page in pages for name in page] == [name for name in entries.names if "wanted" in name]
    assert all(len(page) <= limit for page in pages)


def test_one_request_looks_at_no_more_than_its_share() -> None:
    entries = _List(MOST_LOOKED_AT * 2)

    pages = entries.all("nothing", 10)

    assert pages == [[], []]
    assert entries.reads == 2 * MOST_LOOKED_AT // AT_ONCE


def test_without_words_the_list_is_read_as_it_is() -> None:
    entries = _List(25)

    assert [len(page) for page in entries.all(None, 10)] == [10, 10, 5]
    assert entries.reads == 3


def test_only_the_fields_that_are_named_are_looked_at() -> None:
    page = page_with(
        parse_words("secret"),
        lambda after, limit: Page(({"name": "a", "other": "secret"}, {"name": "secret", "other": ""}), None),
        key=lambda entry: str(entry["name"]),
        fields=("name", "missing"),
        after=None,
        limit=10,
    )

    assert [entry["name"] for entry in page.items] == ["secret"]
