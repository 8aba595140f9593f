"""The form that a caller wants."""

import pytest

from tocsin.errors import NotAcceptable
from tocsin.http.accept import preferred

FORMS = ("application/json", "application/yaml", "text/yaml")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/yaml", "application/yaml"),
        ("Application/YAML; charset=utf-8", "application/yaml"),
        ("application/json, application/yaml;q=0.1", "application/json"),
        ("application/json;q=0.1, application/yaml", "application/yaml"),
        ("text/*", "text/yaml"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/*;q=0.5, application/json;q=0", "application/yaml"),
        ("application/yaml;q=much", "application/yaml"),
        ("application/yaml;q=nan, application/json;q=0.5", "application/yaml"),
    ],
)
def test_the_form_that_is_wanted_most_is_given(accept: str | None, form: str) -> None:
    assert preferred({} if accept is None else {"accept": accept}, FORMS) == form


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "application/yamlish", "nonsense"])
def test_what_there_is_not_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="there is application/json and application/yaml"):
        preferred({"accept": accept}, FORMS)
