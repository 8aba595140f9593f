"""YAML bodies: words stay words, numbers are as JSON has them, and nothing is an error of ours."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.config.blueprint import parse
from tocsin.errors import Invalid, MalformedBody, TocsinError
from tocsin.http.yaml_body import read_document, to_yaml

YAML = "application/yaml"
WORDS = [
    "NO", "no", "yes", "Yes", "on", "off", "y", "n", "12:30", "1:59:59.5", "190:20:30", "0123", "012345670123", "0o17",
    "0x1F", "0b101", "1_000", "+49", "+1", "2026-03-01", "2026-03-01T12:00:00Z", "=", "<<", "nan", "inf", "-", "1.2.3",
]  # fmt: skip


def read(text: str) -> object:
    return read_document(text.encode(), YAML)["a"]


@pytest.mark.parametrize("word", [word for word in WORDS if word != "-"])
def test_a_word_stays_the_word(word: str) -> None:
    assert read(f"a: {word}") == word
    assert read(f"a: [{word}, x]") == [word, "x"]
    if word != "<<":  # which others read as a merge, and is refused
        assert read_document(f"{word}: 1".encode(), YAML) == {word: 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-7", -7), ("12", 12), ("1.5", 1.5), ("-0.25", -0.25), ("1e3", 1000.0), ("1.0e+20", 1e20), (".5", 0.5)],
)
def test_numbers_are_as_json_has_them(text: str, value: float) -> None:
    assert read(f"a: {text}") == value


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("null", None), ("~", None), ("", None)])
def test_booleans_and_null_are_spelled_out(text: str, value: object) -> None:
    assert read(f"a: {text}") is value


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e999", "9" * 30, "9" * 5_000, "-" + "9" * 5_000])
def test_what_json_can_not_hold_is_refused(text: str) -> None:
    with pytest.raises((Invalid, MalformedBody)):
        read(f"a: {text}")


def test_a_long_sexagesimal_is_a_text() -> None:
    text = "1" + ":59" * 195_000 + ".5"

    assert read(f"a: {text}") == text


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_document(text.encode("utf-8", "surrogatepass"), YAML)
    except TocsinError as error:
        assert 400 <= error.status < 500


_TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20) | st.sampled_from(WORDS)


@given(st.dictionaries(_TEXT, _TEXT, max_size=5))
def test_what_is_written_is_read_back(value: dict[str, str]) -> None:
    assert read_document(to_yaml({"a": {**value}}).encode(), YAML) == {"a": value}


@pytest.mark.parametrize(
    "body",
    [
        b'{"users":[' + b",".join([b"{}"] * 300_000) + b"]}",
        b'{"groups":[{"name":"a","members":[' + b",".join([b'""'] * 300_000) + b"]}]}",
        b'{"settings":{"secret_keys":[' + b",".join([b'""'] * 300_000) + b"]}}",
        b'{"rules":[{"name":"a","bindings":[' + b",".join([b"{}"] * 300_000) + b"]}]}",
    ],
)
def test_as_many_faults_as_a_document_can_have_take_no_more_memory_than_it(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Invalid) as refused:
            parse(body, "application/json")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 1 <= len(refused.value.violations) <= 51
    assert peak < 150_000_000


def test_a_fault_far_down_a_long_list_is_named_by_its_place() -> None:
    users = ",".join([f'{{"username":"u{n}"}}' for n in range(1_234)] + ['{"username":""}'])

    with pytest.raises(Invalid) as refused:
        parse(f'{{"users":[{users}]}}'.encode(), "application/json")

    assert [violation.path for violation in refused.value.violations] == ["users[1234].username"]
