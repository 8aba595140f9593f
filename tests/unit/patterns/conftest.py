"""Each test of patterns twice: as an index decides few of them, and as it decides many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tocsin.patterns import layout


@pytest.fixture(autouse=True, scope="module", params=["all at once", "by anchors"])
def _decided(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "by anchors":
            patch.setattr(layout, "_ALL_AT_ONCE", 0)
        yield
