"""The deployed API held to docs/openapi.json by schemathesis, through the gateway and with IAM enforced.

It has a stack of its own: what is sent changes the configuration, keys and all.
"""

from pathlib import Path

import pytest

from local.stack import local_stack
from local.workspace import Workspace
from tests import openapi_contract
from tests.stack.conftest import Quiet

EVERY_PHASE = "examples,coverage,fuzzing,stateful"


@pytest.mark.exhaustive
def test_the_running_stack_does_as_the_document_says(tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    with local_stack(Workspace(tmp_path / "stack"), Quiet()) as own:
        print(
            openapi_contract.hold(
                own.facts.api_url, own.facts.admin_key, tmp_path, phases=EVERY_PHASE, braked=True, timeout_s=1800
            )
        )
