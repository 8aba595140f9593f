"""What lint is, said once: the Makefile's targets, which the pre-commit hooks run too."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_pre_commit_hooks_run_what_make_lint_runs() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]

    (linted,) = re.findall(r"^lint: (.*?) *##", makefile, re.MULTILINE)
    run = [hook["entry"] for repository in hooks for hook in repository["hooks"]]
    assert run == [f"make {target}" for target in linted.split()]


def test_the_pre_commit_hooks_download_nothing() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]

    assert {repository["repo"] for repository in repositories} == {"local"}
    assert {hook["language"] for repository in repositories for hook in repository["hooks"]} == {"system"}
