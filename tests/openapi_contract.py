"""docs/openapi.json put to an API by schemathesis: requests are made from the document, answers held to it.

What a request says beyond its schema (names that exist, CEL that compiles) is refused with 422, so that what fits
the schema must be accepted is the one thing not asked.
"""

import os
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"
PHASES = os.environ.get("SCHEMATHESIS_PHASES", "examples,fuzzing")
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "4")
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")

# A batch of 501 events is refused with 413, a version that is gone with 412: neither is among the statuses that a
# refusal is thought to have. In YAML a text and an object may be the same bytes, `{}`: what was meant can't be told.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429]

[[operations]]
include-name = "PUT /blueprint"
checks.negative_data_rejection.enabled = false
"""

# Who sends unknown keys by the hundred is braked with 429, and a refusal of a key is thought to be 401 or 403 alone.
BRAKED = """
[checks.ignored_auth]
enabled = false
"""


def hold(
    url: str, key: str, directory: Path, *, phases: str = PHASES, braked: bool = False, timeout_s: float = 600
) -> str:
    """Put the document to the API at `url`, and give what schemathesis says in the end. AssertionError for a violation.

    `directory` is where it keeps its files. An API that is `braked` is not asked whether each route needs a key.
    """
    (directory / "schemathesis.toml").write_text((BRAKED if braked else "") + CONFIGURATION)
    command = [
        *(str(Path(sys.executable).with_name("st")), "run", str(DOCUMENT), "--url", url),
        *("--header", f"Authorization: Bearer {key}"),
        *("--phases", phases, "--max-examples", EXAMPLES, "--seed", SEED),
        *("--exclude-checks", "positive_data_acceptance"),
        *("--request-timeout", "120"),  # seconds: a busy machine is no violation
    ]

    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=timeout_s, check=False)

    assert done.returncode == 0, done.stdout[max(0, done.stdout.find("= FAILURES =")) :][-20_000:] + done.stderr[-2000:]
    return done.stdout[done.stdout.find("= SUMMARY =") :]
