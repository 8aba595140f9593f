"""POST /events: validate, store, answer. Trigger: HTTP API, payload format 2.0."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.errors import RETRY_AFTER
from tocsin.aws.logging import Code, logged, note
from tocsin.aws.metrics import metered
from tocsin.config.store import ConfigurationStore
from tocsin.errors import Invalid, TocsinError, Unavailable
from tocsin.events.model import Event
from tocsin.events.store import Earlier, EventStore
from tocsin.http.request import Request
from tocsin.http.response import Answer, answer, problem
from tocsin.ingest.geoip import GeoIP
from tocsin.ingest.guards import Guards
from tocsin.ingest.once_store import OnceStore
from tocsin.ingest.service import Ingested, Ingestion, batch_facts, event_result, one_result, refusal_facts
from tocsin.types import Json

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
events = EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE"), environment.text("EVENT_INDEXES").split(","))
ingestion = Ingestion(
    events,
    OnceStore(events),
    Guards(clients.dynamodb(), environment.text("EVENTS_TABLE")),
    ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE")),
    GeoIP(environment.optional("GEO_DIRECTORY")),
)


@logged
@metered
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """201 for one event, 200 where its `once` key has one; 200 with `results` for several; problem+json else."""
    request_id = event["requestContext"].get("requestId")
    try:
        return _answer(ingestion.ingest(Request.parse(event)), request_id)
    except Unavailable as error:
        note(Code.EVENTS_UNAVAILABLE, error.detail, level=logging.ERROR, request_id=request_id)
        return problem(error, instance=request_id)
    except TocsinError as error:
        note(Code.EVENTS_REFUSED, error.logged, request_id=request_id, **refusal_facts(error))
        return problem(error, instance=request_id)


def _answer(ingested: Ingested, request_id: str) -> Answer:
    stored = [result.id for result in ingested.results if isinstance(result, Event)]
    for event_id in stored:
        note(Code.EVENT_STORED, "event stored", event_id=event_id, request_id=request_id)
    if ingested.single and isinstance(ingested.results[0], Event):
        return answer(201, event_result(ingested.results[0]), {"location": f"/events/{ingested.results[0].id}"})
    if ingested.single and isinstance(ingested.results[0], Earlier):
        return answer(200, event_result(ingested.results[0]))
    results: list[Json] = [one_result(result) for result in ingested.results]
    refused = [result for result in ingested.results if isinstance(result, TocsinError)]
    note(Code.EVENTS_STORED, "batch stored", request_id=request_id, **batch_facts(ingested))
    unstored = [error for error in refused if isinstance(error, Unavailable)]
    if unstored:
        note(Code.EVENTS_UNAVAILABLE, unstored[0].detail, level=logging.ERROR, request_id=request_id)
        whole: TocsinError = Unavailable(
            f"{len(unstored)} of {len(results)} events could not be stored; send those, or the whole batch with"
            " the same ids or Idempotency-Key, again",
            retry_after=RETRY_AFTER,
        )
        return problem(whole, instance=request_id, more={"results": results})
    if len(refused) == len(results):
        whole = Invalid([], f"none of the {len(results)} events could be accepted")
        return problem(whole, instance=request_id, more={"results": results})
    return answer(200, {"accepted": len(results) - len(refused), "rejected": len(refused), "results": results})
