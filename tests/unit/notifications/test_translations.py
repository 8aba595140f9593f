"""The translations: what is read, what is refused, and that none is missing."""

import re
from pathlib import Path

import pytest

from tocsin.api import acknowledge, unsubscribe
from tocsin.events import sentences
from tocsin.notifications import actions, chat_text, digest, email, labels, remarks, translations, wording
from tocsin.notifications.translations import CatalogueError, Catalogues, read_catalogue

LOCALES = Path(translations.__file__).parent / "locale"
TEMPLATES = Path(email.__path__[0]) / "templates"
LANGUAGES = sorted(path.stem for path in LOCALES.glob("*.po"))


def messages_of_the_sources() -> set[str]:
    """All messages that the templates and the code ask for."""
    templates = "".join(path.read_text("utf-8") for path in TEMPLATES.glob("*.j2"))
    asked = re.findall(r'\b_\("([^"]+)"\)', templates)
    return {
        *asked,
        *sentences.MESSAGES,
        *actions.MESSAGES,
        *labels.MESSAGES,
        *digest.MESSAGES,
        *remarks.MESSAGES,
        chat_text.MORE,
        *wording.MESSAGES,
        *acknowledge.MESSAGES,
        *unsubscribe.MESSAGES,
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_translates_every_message_and_no_other(language: str) -> None:
    entries = read_catalogue((LOCALES / f"{language}.po").read_text("utf-8"))

    assert set(entries) == messages_of_the_sources()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_message(language: str) -> None:
    entries = read_catalogue((LOCALES / f"{language}.po").read_text("utf-8"))

    def placeholders(text: str) -> list[str]:
        return sorted(re.findall(r"%(?:\(\w+\)s)?", text))

    assert [m for m, said in entries.items() if placeholders(m) != placeholders(said)] == []


def test_english_and_german_are_there() -> None:
    assert Catalogues.packaged().locales >= {"en", "de"}


@pytest.mark.parametrize(
    ("locale", "used"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("de-AT", "de"),
        ("de_CH.UTF-8", "de"),
        ("de@euro", "de"),
        ("en-GB", "en"),
        ("pt-BR", "en"),
        ("", "en"),
        ("../../etc/passwd", "en"),
    ],
)
def test_a_person_gets_the_language_nearest_to_the_locale(locale: str, used: str) -> None:
    assert Catalogues.packaged().best(locale).locale == used


def test_an_unknown_message_stays_english() -> None:
    assert Catalogues.packaged().best("de").gettext("No such message") == "No such message"


def test_entries_may_go_on_over_lines() -> None:
    source = '# comment\nmsgid ""\n"one "\n"line"\nmsgstr "eine "\n"Zeile"\n'

    assert read_catalogue(source) == {"one line": "eine Zeile"}


def test_escapes_are_undone() -> None:
    assert read_catalogue(r'msgid "a\"b\\c\n"' + "\n" + r'msgstr "\tx"') == {'a"b\\c\n': "\tx"}


def test_fuzzy_and_empty_translations_are_not_used() -> None:
    source = '#, fuzzy\nmsgid "a"\nmsgstr "A"\n\nmsgid "b"\nmsgstr ""\n\nmsgid "c"\nmsgstr "C"\n'

    assert read_catalogue(source) == {"c": "C"}


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('msgid_plural "a"', 1),
        ('msgctxt "a"\nmsgid "b"', 1),
        ('"lost"', 1),
        ('msgstr "without its message"', 1),
        ('msgid "a"\nmsgid "b"', 2),
        ('msgid "a"\nmsgstr "x"\nmsgstr "y"', 3),
        ('msgid "a"\nmsgstr "x"\n\nmsgid "a"\nmsgstr "y"', 5),
        ('msgid "a"\nmsgstr "not closed', 2),
        (r'msgid "bad \q escape"', 1),
    ],
)
def test_a_damaged_catalogue_is_refused_with_the_line(source: str, line: int) -> None:
    with pytest.raises(CatalogueError, match=f"line {line} "):
        read_catalogue(source)
