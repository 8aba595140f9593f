"""The version stands in several files, for packages that can't read each other's; it is one."""

import tomllib
from pathlib import Path

import tocsin
import tocsin_client
from local.release import CHANGELOG, versions
from tocsin.notifications.webhook import USER_AGENT

ROOT = Path(__file__).parents[2]


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert set(versions().values()) == {project["version"]}
    assert tocsin.__version__ == tocsin_client.__version__ == project["version"]


def test_webhooks_say_the_version() -> None:
    assert f"Tocsin/{tocsin.__version__}" == USER_AGENT


def test_the_changelog_tells_of_the_version() -> None:
    assert f"\n## [{tocsin.__version__}] - " in (ROOT / CHANGELOG).read_text("utf-8")
