"""Applications that save events, in the frameworks that the client speaks with, run by their real servers."""

import pytest

pytest.register_assert_rewrite("tests.client_apps.scenarios")
