"""mypy for mutants: of its errors, as JSON, those that a change brought about.

mutmut writes all mutants of a function into one file, beside the function as it was, `…__mutmut_orig`. What mypy says
of that one comes from how the file is written; what it says of a mutant beyond it, `make lint` would say of the change.

Arguments are mypy's, after the word `mypy`, by which mutmut knows whose errors these are.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_MUTANT = "__mutmut_"
_ORIGINAL = "orig"
_CHECKED = (0, 1)
"""mypy's exit codes where it looked at everything: it found nothing, or errors."""


def by_changes(errors: Iterable[dict[str, Any]], source: str) -> Iterator[dict[str, Any]]:
    """Yield the errors of a file's mutants that the unchanged function has not. Errors elsewhere are left out."""
    lines = {
        line: node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _MUTANT in node.name
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    found = [(*lines[error["line"]].rpartition(_MUTANT)[::2], error) for error in errors if error["line"] in lines]
    unchanged = {
        (function, error["code"], error["message"]) for function, mutant, error in found if mutant == _ORIGINAL
    }
    for function, _, error in found:
        if (function, error["code"], error["message"]) not in unchanged:
            yield error


def main(arguments: list[str]) -> int:
    """Run mypy and print what it says of mutants, an object on each line.

    Where mypy does not come to its end, print why: mutmut ends at what is no JSON, and heeds no exit code.
    """
    # mutmut's comments are for other checkers.
    own = ["--output=json", "--disable-error-code=unused-ignore"]
    found = subprocess.run([sys.executable, "-m", *arguments, *own], capture_output=True, text=True, check=False)
    if found.returncode not in _CHECKED:
        print(f"mypy failed: {found.stdout}{found.stderr}")
        return found.returncode
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in found.stdout.splitlines():
        error = json.loads(line)
        if error["severity"] == "error":
            by_file[error["file"]].append(error)
    for file, errors in by_file.items():
        for error in by_changes(errors, Path(file).read_text("utf-8")):
            print(json.dumps(error))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
