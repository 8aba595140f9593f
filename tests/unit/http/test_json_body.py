"""Values that JSON, UTF-8 or 64 bits can't hold, in a document that was parsed by others."""

from tocsin.http.json_body import wrong_values


def test_a_document_that_is_one_wrong_value_is_named_by_an_empty_path() -> None:
    (wrong,) = wrong_values(float("nan"))

    assert wrong.path == ""


def test_a_document_that_is_one_value_has_nothing_wrong() -> None:
    assert list(wrong_values("text")) == []
