"""Profiles: the stacks that somebody works with, in one file, their keys in the system's keyring where there is one.

current: prod
profiles:
  prod: {url: "https://….execute-api.eu-central-1.amazonaws.com", key: keyring, stack: tocsin}
  laptop: {url: "http://127.0.0.1:4566/…", key: "tocsin_…"}
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from tocsin_cli.errors import Invalid, NotFound, UsageError
from tocsin_cli.files import write_privately
from tocsin_cli.types import JsonObject

IN_KEYRING = "keyring"
"""Stands in the file where the keyring has the key."""
SERVICE = "tocsin-cli"
"""The name under which the keyring keeps keys; the user's name there is the profile's."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A stack, and how to ask it. `stack`, `region` and `aws_profile` are for what only AWS knows."""

    name: str
    url: str
    key: str = ""
    stack: str = ""
    region: str = ""
    aws_profile: str = ""


class KeyStore(Protocol):
    """Keeps keys; each method says whether it could."""

    def get(self, profile: str) -> str | None:
        """The key of a profile, or None."""
        ...

    def put(self, profile: str, key: str) -> bool:
        """Keep a key; False where there is nowhere to."""
        ...

    def forget(self, profile: str) -> None:
        """Keep it no longer."""
        ...


class SystemKeyring:
    """The system's keyring by the `keyring` library, where both are there."""

    def get(self, profile: str) -> str | None:
        """The key of a profile, or None."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            return None
        try:
            return keyring.get_password(SERVICE, profile)
        except KeyringError:
            return None

    def put(self, profile: str, key: str) -> bool:
        """Keep a key; False where no keyring takes it."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            return False
        try:
            keyring.set_password(SERVICE, profile, key)
        except KeyringError:
            return False
        return True

    def forget(self, profile: str) -> None:
        """Keep it no longer."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            return
        try:
            keyring.delete_password(SERVICE, profile)
        except KeyringError:
            return


@dataclass
class Profiles:
    """The file of profiles. Raises Invalid where it can't be read."""

    path: Path
    keys: KeyStore = field(default_factory=SystemKeyring)

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Profiles:
        """Those of TOCSIN_CONFIG, else of $XDG_CONFIG_HOME/tocsin/profiles.yaml, else of ~/.config."""
        if given := environment.get("TOCSIN_CONFIG"):
            return cls(Path(given))
        home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        return cls(Path(home) / "tocsin" / "profiles.yaml")

    @property
    def current(self) -> str:
        """The name of the profile that is used where none is asked for; empty for none."""
        return str(self._document().get("current") or "")

    def names(self) -> list[str]:
        """All profiles, in the file's order."""
        return list(self._entries())

    def get(self, name: str) -> Profile:
        """A profile with its key. NotFound where there is none of that name."""
        entries = self._entries()
        if name not in entries:
            known = ", ".join(entries) or "none yet"
            raise NotFound(f"there is no profile {name!r}; there are: {known}", hint=f"tocsin login {name} --url …")
        given = {field: str(value) for field, value in entries[name].items() if field in _FIELDS and value is not None}
        profile = Profile(name=name, **given)
        if profile.key == IN_KEYRING:
            profile = replace(profile, key=self.keys.get(name) or "")
        return profile

    def save(self, profile: Profile) -> bool:
        """Add or replace a profile and make it the current one; whether the keyring took its key.

        Where it did not, the key stands in the file, which only its owner can read.
        """
        in_keyring = bool(profile.key) and self.keys.put(profile.name, profile.key)
        kept = {name: getattr(profile, name) for name in _FIELDS} | ({"key": IN_KEYRING} if in_keyring else {})
        entries = self._entries() | {profile.name: {name: value for name, value in kept.items() if value}}
        self._write(profile.name, entries)
        return in_keyring

    def use(self, name: str) -> None:
        """Make a profile the current one."""
        self.get(name)
        self._write(name, self._entries())

    def remove(self, name: str) -> None:
        """Forget a profile and its key."""
        self.get(name)
        self.keys.forget(name)
        entries = self._entries()
        del entries[name]
        self._write("" if self.current == name else self.current, entries)

    def _document(self) -> JsonObject:
        import yaml

        try:
            document = yaml.safe_load(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise Invalid(f"{self.path} can't be read: {str(error).splitlines()[0]}") from None
        if document is None:
            return {}
        if not isinstance(document, dict):
            raise Invalid(f"{self.path} is no file of profiles: it needs `current` and `profiles`")
        return document

    def _entries(self) -> dict[str, JsonObject]:
        entries = self._document().get("profiles") or {}
        if not isinstance(entries, dict) or not all(
            isinstance(entry, dict) and entry.get("url") for entry in entries.values()
        ):
            raise Invalid(f"{self.path}: `profiles` must hold names, each with a url")
        return {name: entry for name, entry in entries.items() if isinstance(entry, dict)}

    def _write(self, current: str, entries: Mapping[str, JsonObject]) -> None:
        import yaml

        document: JsonObject = {"current": current, "profiles": dict(entries)}
        write_privately(self.path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


_FIELDS = ("url", "key", "stack", "region", "aws_profile")


def chosen(
    profiles: Profiles, *, named: str | None, url: str | None, environment: Mapping[str, str] = os.environ
) -> Profile:
    """The profile that a command works with.

    `--profile` wins over the environment, TOCSIN_URL over TOCSIN_PROFILE and the current profile. A URL and its key
    come from one place: a profile's key is never sent to the URL of the environment or of `--url`.
    """
    key = environment.get("TOCSIN_KEY", "").strip()
    if named is None and (url or environment.get("TOCSIN_URL")):
        return Profile(
            name="",
            url=url or environment["TOCSIN_URL"],
            key=key,
            stack=environment.get("TOCSIN_STACK", ""),
        )
    if url is not None:
        raise UsageError("give --profile or --url, not both: a profile has a URL")
    name = named or environment.get("TOCSIN_PROFILE") or profiles.current
    if not name:
        raise UsageError(
            "which Tocsin? Set TOCSIN_URL and TOCSIN_KEY, or keep a profile",
            hint="tocsin login prod --url https://….execute-api.eu-central-1.amazonaws.com",
        )
    return profiles.get(name)
