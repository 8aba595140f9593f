"""A release: one version in all files, and a dated section in the changelog."""

import datetime
import re
import shutil
import sys
from pathlib import Path

import pytest

from local import release as releasing
from local.release import CHANGELOG, CHANGELOGS, PLACES, ReleaseError, release, successors, versions
from local.workspace import ROOT

TODAY = datetime.date(2026, 12, 24)
NOTES = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Bells.\n\n## [0.1.0] - 2026-11-23\n\nThe first.\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that a version stands in, at 0.1.0, with something to release."""
    for path in PLACES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
        text = (tmp_path / path).read_text("utf-8")
        found = re.search(PLACES[path], text)
        assert found is not None
        (tmp_path / path).write_text(text[: found.start(1)] + "0.1.0" + text[found.end(1) :], "utf-8")
    for path in CHANGELOGS:
        (tmp_path / path).write_text(NOTES, "utf-8")
    return tmp_path


def test_a_release_writes_the_version_in_all_places_and_nothing_else(tree: Path) -> None:
    before = {path: (tree / path).read_text("utf-8") for path in PLACES}

    release("0.2.0", on=TODAY, root=tree)

    assert set(versions(tree).values()) == {"0.2.0"}
    for path, text in before.items():
        after = (tree / path).read_text("utf-8")
        changed = [line for line, was in zip(after.splitlines(), text.splitlines(), strict=True) if line != was]
        assert len(changed) == 1, path


def test_what_was_unreleased_becomes_the_dated_section_of_the_version(tree: Path) -> None:
    release("0.2.0", on=TODAY, root=tree)

    released = NOTES.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.2.0] - 2026-12-24\n")
    assert {(tree / path).read_text("utf-8") for path in CHANGELOGS} == {released}


def test_a_part_that_did_not_change_is_not_told_of(tree: Path) -> None:
    of_part = CHANGELOGS[1]
    (tree / of_part).write_text("# Changes\n\n## [Unreleased]\n", "utf-8")

    release("0.2.0", on=TODAY, root=tree)

    assert (tree / of_part).read_text("utf-8") == "# Changes\n\n## [Unreleased]\n"


@pytest.mark.parametrize("version", ["0.1.0", "0.1.2", "0.3.0", "2.0.0", "0.0.9", "v0.2.0", "0.2", "next", ""])
def test_a_version_that_does_not_follow_is_refused(tree: Path, version: str) -> None:
    with pytest.raises(ReleaseError, match=re.escape("after 0.1.0 comes one of 0.1.1, 0.2.0, 1.0.0")):
        release(version, on=TODAY, root=tree)

    assert set(versions(tree).values()) == {"0.1.0"}


def test_a_release_of_nothing_is_refused_and_writes_nothing(tree: Path) -> None:
    empty = NOTES.replace("### Added\n\n- Bells.\n\n", "")
    (tree / CHANGELOG).write_text(empty, "utf-8")

    with pytest.raises(ReleaseError, match="says nothing under"):
        release("0.2.0", on=TODAY, root=tree)

    assert set(versions(tree).values()) == {"0.1.0"}
    assert (tree / CHANGELOG).read_text("utf-8") == empty


def test_places_that_differ_are_refused(tree: Path) -> None:
    (tree / "layers/client/tocsin_client/__init__.py").write_text('__version__ = "0.1.1"\n', "utf-8")

    with pytest.raises(ReleaseError, match="not the same everywhere"):
        release("0.2.0", on=TODAY, root=tree)


def test_the_next_version_resets_what_stands_behind_it() -> None:
    assert successors("1.2.3") == ("1.2.4", "1.3.0", "2.0.0")


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["0.2.0"], 0), (["9.9.9"], 1)])
def test_the_command_says_what_became_of_it(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["release", *arguments])
    monkeypatch.setattr(releasing, "release", lambda version, on: release(version, on=on, root=tree))

    assert releasing.main() == status

    said = capsys.readouterr()
    assert (said.out if status == 0 else said.err).strip()
