"""What is built into layers is what was locked: each library by its version and its wheels' hashes."""

import hashlib
import re
from pathlib import Path

import pytest

from local.layer_locks import LAYERS, PLATFORMS, LockError, locked
from local.workspace import ROOT


def wheel(directory: Path, name: str, content: bytes = b"") -> tuple[Path, str]:
    path = directory / name
    path.write_bytes(content or name.encode())
    return path, f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def requirements(text: str) -> dict[str, list[str]]:
    """{line of a library: its hashes}"""
    whole = [line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#")]
    return {first: hashes for first, *hashes in (line.split() for line in whole)}


def test_a_library_has_the_hash_of_each_of_its_wheels(tmp_path: Path) -> None:
    arm, of_arm = wheel(tmp_path, "Some_Lib-1.0-cp313-cp313-manylinux_2_28_aarch64.whl")
    intel, of_intel = wheel(tmp_path, "some_lib-1.0-cp313-cp313-manylinux_2_28_x86_64.whl")
    pure, of_pure = wheel(tmp_path, "pure-2.1-py3-none-any.whl")

    made = locked("# Why.\nSome-Lib==1.0\npure==2.1\n", [arm, intel, pure])

    assert made.startswith("# Why.\nSome-Lib==1.0 \\\n    --hash=sha256:")
    assert requirements(made) == {"Some-Lib==1.0": sorted([of_arm, of_intel]), "pure==2.1": [of_pure]}


@pytest.mark.parametrize("line", ["pure>=2.1", "pure", "pure==2.*", "pure==2.2", "other==2.1"])
def test_what_is_no_one_version_or_has_no_wheel_can_not_be_locked(tmp_path: Path, line: str) -> None:
    pure, _ = wheel(tmp_path, "pure-2.1-py3-none-any.whl")

    with pytest.raises(LockError, match=line.replace("*", r"\*")):
        locked(f"{line}\n", [pure])


@pytest.mark.parametrize("layer", LAYERS)
def test_each_library_of_a_layer_is_locked_in_the_version_that_is_asked_for(layer: str) -> None:
    asked = requirements((ROOT / "layers" / layer / "requirements.in").read_text("utf-8"))
    held = requirements((ROOT / "layers" / layer / "requirements.txt").read_text("utf-8"))

    assert list(held) == list(asked), "make lock"
    for line, hashes in held.items():
        assert 1 <= len(hashes) <= 2, line
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", each) for each in hashes), line


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layers_build_takes_nothing_else(layer: str) -> None:
    makefile = (ROOT / "layers" / layer / "Makefile").read_text("utf-8")

    assert makefile.count("pip install") == 1
    assert "--requirement requirements.txt" in makefile
    assert "--require-hashes" in makefile
    # the wheels that were hashed are those that the build looks for
    assert [part.partition("_$(MACHINE)")[0] for part in makefile.split("--platform ")[1:]] == list(PLATFORMS)


def test_all_layers_with_libraries_are_locked() -> None:
    assert {path.parent.name for path in (ROOT / "layers").glob("*/requirements.*")} == set(LAYERS)
