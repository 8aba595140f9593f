"""How often laws are tried (hypothesis), and that no machine is too slow for them; when garbage is collected.

`suite` is what `make test` takes: the same examples each time, so that it passes or fails by what is tested alone.
`explore` looks for new ones: `make laws`. `mutants` has a few: `make mutants` runs the tests thousands of times.
"""

import gc
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, Phase, settings

_FOUND = (Phase.explicit, Phase.generate)  # nobody reads a mutant's example: none is made shorter
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("suite", max_examples=40, derandomize=True, database=None, **_PATIENT)
settings.register_profile("mutants", max_examples=10, derandomize=True, database=None, phases=_FOUND, **_PATIENT)
settings.register_profile("explore", max_examples=400, print_blob=True, **_PATIENT)
settings.load_profile("suite")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage only when all tests are collected, and then not among what they are made of.

    That stays to the end: 13,000 tests, and the modules of all. To look through it again and again took two of a
    hundred seconds.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
