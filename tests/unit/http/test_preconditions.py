"""If-Match and If-None-Match: what a caller may say in them."""

import pytest

from tocsin.errors import Invalid
from tocsin.http.preconditions import Precondition


@pytest.mark.parametrize("name", ["if-match", "if-none-match"])
@pytest.mark.parametrize("given", ["0123abcd", '"0123abcd', '"a" "b"', "", ","])
def test_what_is_no_entity_tag_is_refused_by_name(name: str, given: str) -> None:
    with pytest.raises(Invalid) as refused:
        Precondition.parse({name: given})

    assert [violation.path.lower() for violation in refused.value.violations] == [name]
