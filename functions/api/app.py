"""Everything over HTTP but POST /events. Triggers: HTTP API, payload format 2.0; a schedule, each minute (what holds of
a blueprint that was broken off is told)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocsin.api.application import application
from tocsin.api.wiring import services_of
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logged

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SCHEDULE = "aws.events"
"""What EventBridge says of itself; API Gateway's events have no source."""

environment = Environment.of_process()
services = services_of(environment)
resolve = application(services)


@logged
def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """JSON, or problem+json for what is refused; for the schedule, whether there was something to be told."""
    if event.get("source") == SCHEDULE:
        return {"settled": services.editor.settle()}
    return resolve(event, context)
