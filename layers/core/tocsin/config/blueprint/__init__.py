"""The whole configuration as one document: read, checked, compared, applied."""

from tocsin.config.blueprint.applied import Applied
from tocsin.config.blueprint.apply import Blueprints
from tocsin.config.blueprint.model import MASK, Blueprint, parse
from tocsin.http.json_body import JSON_TYPE
from tocsin.http.yaml_body import YAML_TYPES, to_yaml

__all__ = ["JSON_TYPE", "MASK", "YAML_TYPES", "Applied", "Blueprint", "Blueprints", "parse", "to_yaml"]
