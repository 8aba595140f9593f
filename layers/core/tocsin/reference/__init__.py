"""The API as a table of operations, from which the OpenAPI document is made and by which the routes are tested."""

from tocsin.reference.openapi import document
from tocsin.reference.operations import OPERATIONS, Operation

__all__ = ["OPERATIONS", "Operation", "document"]
