"""The settings: a single entry that always exists. An edit runs the tests of all rules, since it can break them."""

from __future__ import annotations

from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.diff import differences
from tocsin.config.model import Configuration
from tocsin.config.resources.editor import ConfigurationEditor, Saved, tried
from tocsin.config.resources.rules import touched
from tocsin.config.settings import Settings
from tocsin.http.preconditions import Precondition
from tocsin.identity.principal import Principal
from tocsin.models import accepted, as_json
from tocsin.types import JsonObject


class SettingsEntry:
    """The settings. Methods raise Invalid, Conflict, PreconditionFailed and Unavailable."""

    def __init__(self, editor: ConfigurationEditor) -> None:
        self._editor = editor

    def get(self) -> JsonObject:
        """Return the settings in force."""
        return as_json(self._editor.current().settings)

    def put(self, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Replace the settings. Fields that are not given take their defaults."""
        settings = self._parse(given)
        with self._editor.alone(principal):
            configuration = self._editor.current()
            before = configuration.settings
            precondition.check(as_json(before))
            self._check(settings, configuration)
            changes = differences(Blueprint(settings=before), Blueprint(settings=settings))
            if changes:
                self._editor.publish(lambda now: now.changed(settings=settings), principal, lambda _: changes)
        return Saved(as_json(settings))

    def check(self, given: JsonObject) -> JsonObject:
        """Return what `put` would do, {dry_run, created, changed, changes}. Raises Invalid where it would."""
        settings, configuration = self._parse(given), self._editor.current()
        self._check(settings, configuration)
        before = configuration.settings
        return tried(before, differences(Blueprint(settings=before), Blueprint(settings=settings)))

    def _parse(self, given: JsonObject) -> Settings:
        return accepted(Settings, given)

    def _check(self, settings: Settings, configuration: Configuration) -> None:
        rules = [rule for rule in configuration.rules if rule.tests]
        anew = configuration.changed(settings=settings)
        self._editor.check(touched(self._editor, rules, configuration.policies, anew), "settings")
