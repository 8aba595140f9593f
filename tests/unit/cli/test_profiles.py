"""Profiles in a file, keys in the system's keyring where there is one."""

import stat

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import PasswordDeleteError

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.cli import names_of
from tocsin_cli.errors import Invalid, NotFound, UsageError
from tocsin_cli.profiles import IN_KEYRING, Profile, Profiles, chosen

URL = "https://api.example.com"
KEY = "tocsin_0123_the-secret"


class InMemory(KeyringBackend):
    """A keyring that takes everything."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError


@pytest.fixture
def ring():
    """The system's keyring."""
    before = keyring.get_keyring()
    ring = InMemory()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def no_ring():
    """A system without one."""
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def profiles(tmp_path):
    return Profiles(tmp_path / "tocsin" / "profiles.yaml")


def test_a_key_goes_into_the_keyring_and_not_into_the_file(profiles, ring):
    assert profiles.save(Profile("prod", URL, KEY, stack="tocsin")) is True

    assert profiles.get("prod") == Profile("prod", URL, KEY, stack="tocsin")
    assert KEY not in profiles.path.read_text()
    assert IN_KEYRING in profiles.path.read_text()


def test_without_a_keyring_the_key_is_in_a_file_that_only_its_owner_reads(profiles, no_ring):
    assert profiles.save(Profile("prod", URL, KEY)) is False

    assert profiles.get("prod").key == KEY
    assert stat.S_IMODE(profiles.path.stat().st_mode) == 0o600


def test_the_profile_that_was_saved_last_is_the_current_one(profiles, ring):
    profiles.save(Profile("one", URL, KEY))
    profiles.save(Profile("two", URL, KEY))
    assert profiles.current == "two"

    profiles.use("one")

    assert profiles.current == "one"
    assert profiles.names() == ["one", "two"]


def test_a_profile_that_is_removed_takes_its_key_with_it(profiles, ring):
    profiles.save(Profile("prod", URL, KEY))

    profiles.remove("prod")

    assert ring.kept == {}
    assert profiles.names() == []
    assert profiles.current == ""


def test_an_unknown_profile_is_answered_with_those_that_there_are(profiles, ring):
    profiles.save(Profile("prod", URL, KEY))

    with pytest.raises(NotFound, match="there are: prod"):
        profiles.get("production")


@pytest.mark.parametrize("content", ["[", "- a", "profiles: [a]", "profiles: {a: {}}"])
def test_a_file_that_is_none_of_ours_is_named(profiles, content):
    profiles.path.parent.mkdir()
    profiles.path.write_text(content)

    with pytest.raises(Invalid, match=r"profiles\.yaml"):
        profiles.names()


def test_the_environment_is_enough(profiles):
    environment = {"TOCSIN_URL": URL, "TOCSIN_KEY": KEY, "TOCSIN_STACK": "s"}

    assert chosen(profiles, named=None, url=None, environment=environment) == Profile("", URL, KEY, stack="s")


def test_a_named_profile_wins_over_the_environment(profiles, ring):
    profiles.save(Profile("prod", URL, KEY))
    environment = {"TOCSIN_URL": "https://other.example.com", "TOCSIN_KEY": "other"}

    assert chosen(profiles, named="prod", url=None, environment=environment).key == KEY


def test_a_profiles_key_is_never_sent_to_the_environments_url(profiles, ring):
    profiles.save(Profile("prod", URL, KEY))

    profile = chosen(profiles, named=None, url=None, environment={"TOCSIN_URL": "https://other.example.com"})

    assert profile.key == ""


def test_the_current_profile_is_used_where_nothing_is_said(profiles, ring):
    profiles.save(Profile("prod", URL, KEY))

    assert chosen(profiles, named=None, url=None, environment={}).name == "prod"
    assert chosen(profiles, named=None, url=None, environment={"TOCSIN_PROFILE": "prod"}).name == "prod"


def test_nothing_to_speak_to_says_what_to_do(profiles):
    with pytest.raises(UsageError) as refused:
        chosen(profiles, named=None, url=None, environment={})

    assert "tocsin login" in refused.value.hint


def test_a_profile_and_a_url_contradict_each_other(profiles, ring):
    profiles.save(Profile("prod", URL, KEY))

    with pytest.raises(UsageError):
        chosen(profiles, named="prod", url=URL, environment={})


def test_names_are_completed_from_the_stack_that_the_command_speaks_to(monkeypatch, tmp_path):
    """The fault: TOCSIN_PROFILE won over TOCSIN_URL there, and over nothing else."""
    monkeypatch.setenv("TOCSIN_CONFIG", str(tmp_path / "profiles.yaml"))
    monkeypatch.setenv("TOCSIN_PROFILE", "another")
    with serving(lambda _: Reply(200, {"items": [{"name": "duty"}], "cursor": None})) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")

        assert names_of("transports")("d") == ["duty"]
