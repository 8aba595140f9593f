"""The whole configuration as one document: read, checked, compared, applied."""

from tocsin.blueprint.application import Applied, Blueprints
from tocsin.blueprint.document import MASK, Blueprint, parse
from tocsin.blueprint.reading import JSON_TYPE, YAML_TYPES, to_yaml

__all__ = ["JSON_TYPE", "MASK", "YAML_TYPES", "Applied", "Blueprint", "Blueprints", "parse", "to_yaml"]
