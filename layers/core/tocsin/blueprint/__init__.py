"""The whole configuration as one document: read, checked, compared, applied."""

from tocsin.blueprint.application import Applied, Blueprints
from tocsin.blueprint.document import JSON_TYPE, MASK, YAML_TYPES, Blueprint, parse, to_yaml

__all__ = ["JSON_TYPE", "MASK", "YAML_TYPES", "Applied", "Blueprint", "Blueprints", "parse", "to_yaml"]
