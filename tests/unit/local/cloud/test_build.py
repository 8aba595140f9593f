"""What is deployed is of one architecture."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from local.cloud.build import ARCHITECTURES, LAYERS, BuildError, build, check, pin
from local.workspace import ROOT
from tests.expanded_template import expanded_template

README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build whose layers are of arm64."""
    for layer in LAYERS:
        (tmp_path / layer / "python").mkdir(parents=True)
        (tmp_path / layer / "architecture").write_text("arm64\n")
        (tmp_path / layer / "python/_fast.cpython-313-aarch64-linux-gnu.so").touch()
    return tmp_path


def test_a_build_of_one_architecture_is_taken(built: Path) -> None:
    check(built, "arm64")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_of_another_architecture_is_refused_by_name(built: Path, layer: str) -> None:
    (built / layer / "architecture").write_text("x86_64\n")

    with pytest.raises(BuildError, match=f"{layer} was built for x86_64, the functions are for arm64"):
        check(built, "arm64")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_that_does_not_say_its_architecture_is_refused(built: Path, layer: str) -> None:
    (built / layer / "architecture").unlink()

    with pytest.raises(BuildError, match=f"{layer} was built for an unknown architecture"):
        check(built, "arm64")


def test_an_extension_of_another_architecture_is_refused_whatever_the_layer_says(built: Path) -> None:
    (built / "CoreLayer/python/orjson.cpython-313-x86_64-linux-gnu.so").touch()

    with pytest.raises(BuildError, match=r"orjson.*is not for arm64"):
        check(built, "arm64")


def test_an_architecture_that_lambda_has_not_is_refused() -> None:
    with pytest.raises(BuildError, match="arm64 or x86_64, not 'riscv'"):
        build("riscv", "AllAtOnce", {})


def test_what_was_built_takes_no_other_architecture(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("Parameters: {Architecture: {Type: String, Default: arm64, AllowedValues: [arm64, x86_64]}}")

    pin(template, "x86_64")

    parameter = yaml.safe_load(template.read_text())["Parameters"]["Architecture"]
    assert parameter == {"Type": "String", "Default": "x86_64", "AllowedValues": ["x86_64"]}


def test_every_layer_with_machine_code_is_compared() -> None:
    layers = {
        name: each["Properties"]
        for name, each in expanded_template()["Resources"].items()
        if each["Type"] == "AWS::Serverless::LayerVersion"
    }

    assert {name for name, each in layers.items() if "CompatibleArchitectures" in each} == set(LAYERS)
    assert set(expanded_template()["Parameters"]["Architecture"]["AllowedValues"]) == set(ARCHITECTURES)


@pytest.mark.parametrize("layer", ["core", "expressions", "tokens"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_layers_makefile_writes_the_architecture_that_it_builds_for(
    layer: str, architecture: str, tmp_path: Path
) -> None:
    # pip and the compiler are replaced by a program that does nothing: what they would install is not looked at
    command = ["make", "--silent", "-C", str(ROOT / "layers" / layer), f"build-{layer.capitalize()}Layer"]
    libraries = tmp_path / "libraries"
    settings = {
        "ARTIFACTS_DIR": str(tmp_path),
        "TOCSIN_ARCHITECTURE": architecture,
        "TOCSIN_LAYER_CACHE": str(libraries),
        "PYTHON": "true",
    }
    (tmp_path / "python").mkdir()
    if layer == "core":
        dry = subprocess.run([*command, "-n"], env=os.environ | settings, capture_output=True, text=True, check=True)
        assert f'echo {architecture} > "{tmp_path}/architecture"' in dry.stdout
        return

    subprocess.run(command, env=os.environ | settings, check=True)

    assert (tmp_path / "architecture").read_text().strip() == architecture


def test_the_readme_builds_for_containers_where_no_deployment_looks() -> None:
    recipe = README.partition("## Invoke a function locally")[2].partition("\n## ")[0]

    assert "--build-dir .local/invoke/build --cache-dir .local/invoke/cache" in recipe
    assert "-t .local/invoke/build/template.yaml" in recipe
