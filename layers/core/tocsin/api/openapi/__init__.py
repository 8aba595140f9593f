"""The API as a table of operations, from which the OpenAPI document is made and by which the routes are tested."""

from tocsin.api.openapi.openapi import document
from tocsin.api.openapi.operation import Operation
from tocsin.api.openapi.operations import OPERATIONS

__all__ = ["OPERATIONS", "Operation", "document"]
