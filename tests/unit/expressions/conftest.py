"""An event and its user, bound for expressions."""

import pytest

from tests.unit.expressions.an_event import EVENT, NOW, USER
from tocsin.expressions import Bindings, bind


@pytest.fixture
def bindings() -> Bindings:
    return bind(event=EVENT, user=USER, now=NOW)
