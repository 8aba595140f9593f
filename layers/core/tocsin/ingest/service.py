"""POST /events from the request to the answer, without HTTP: parsed, checked, stored once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from tocsin.aws.metrics import Metric, measured
from tocsin.config.settings import Settings
from tocsin.config.store import ConfigurationStore
from tocsin.errors import Invalid, RateLimited, TocsinError, Unavailable, Violation
from tocsin.events.draft import FIELDS, Terms, canonical, finish, once_of, source_address
from tocsin.events.model import DEPTH_HEADER, MAX_TOLD_DEPTH, Event, Once
from tocsin.events.redact import Secrets
from tocsin.events.store import Earlier, EventStore, Submission, digest_of
from tocsin.http.json_body import JSON_TYPE, MAX_BODY
from tocsin.http.request import Request
from tocsin.identity.principal import Principal, Scope, authorize
from tocsin.ids import derived_id, id_time, new_id
from tocsin.ingest.body import NDJSON_TYPE, Body, read_body
from tocsin.ingest.geoip import GeoIP
from tocsin.ingest.guards import Guards
from tocsin.ingest.once_store import OnceStore
from tocsin.records import dataclass
from tocsin.times import iso, parse_duration
from tocsin.types import JsonObject

MAX_IDEMPOTENCY_KEY = 255


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of each event of a request, in order."""

    single: bool
    results: tuple[Event | Earlier | TocsinError, ...]


class Ingestion:
    """Takes requests. Raises the TocsinError that refuses a request as a whole."""

    def __init__(
        self,
        events: EventStore,
        once: OnceStore,
        guards: Guards,
        configuration: ConfigurationStore,
        geoip: GeoIP,
    ) -> None:
        self._events = events
        self._once = once
        self._guards = guards
        self._configuration = configuration
        self._geoip = geoip

    def ingest(self, request: Request) -> Ingested:
        """Store the valid events of a request that are not stored yet."""
        principal = authorize(request, Scope.EVENTS_WRITE)
        content_type, content = request.content(MAX_BODY, JSON_TYPE, NDJSON_TYPE)
        body = read_body(content, content_type)
        idempotency_key = _idempotency_key(request)
        settings = self._configuration.version().settings
        anchor = new_id()
        terms = _terms(principal, request, settings, anchor)
        drafted = _draft(body, terms, None)
        refused = [draft for draft in drafted if isinstance(draft, TocsinError)]
        first: str | None = None
        if idempotency_key is not None and refused:
            # What is invalid now may have been valid in the first request: an expiry may have passed since.
            first = self._guards.known_request(principal.key_id, idempotency_key, content)
        if first is not None:  # a repeat reads and writes as much as the first request, and counts in full
            self._count(principal, len(drafted), id_time(anchor))
        else:
            if len(refused) == len(drafted):  # neither counted nor remembered by its Idempotency-Key
                return _ingested(body, refused)
            self._count(principal, len(drafted) - len(refused), id_time(anchor))
            if idempotency_key is not None:
                first = self._guards.remember_request(principal.key_id, idempotency_key, content, anchor)
        if first is not None:
            # Make the events again with the time and the ids of the first request with this key, so that a repeat
            # stores what is missing and gets the same answer.
            terms = _terms(principal, request, settings, first)
            drafted = _draft(body, terms, first)
        return self._store(body, self._enriched(drafted, settings.secrets), principal, terms.now)

    def _count(self, principal: Principal, events: int, now: datetime) -> None:
        limit = principal.events_per_minute
        if limit is not None and not self._guards.admit(principal.key_id, events, limit, now):
            raise RateLimited(
                f"key {principal.key_name!r} may send {limit:,} events a minute, and this request has {events:,}",
                retry_after=60 - now.second,
            )

    def _enriched(
        self, drafted: Sequence[Submission | TocsinError], secrets: Secrets
    ) -> list[Submission | TocsinError]:
        # Repeats are told by the digest of what was sent, so a newer database does not make one a conflict.
        enriched = self._geoip.enriched
        return [
            replace(draft, event=enriched(draft.event, secrets)) if isinstance(draft, Submission) else draft
            for draft in drafted
        ]

    def _store(
        self, body: Body, drafted: Sequence[Submission | TocsinError], principal: Principal, now: datetime
    ) -> Ingested:
        results: dict[int, Event | Earlier | TocsinError] = {}
        plain: dict[int, Submission] = {}
        once: dict[int, tuple[Submission, Once]] = {}
        for position, (draft, item) in enumerate(zip(drafted, body.items, strict=True)):
            if isinstance(draft, TocsinError):
                results[position] = draft
            elif isinstance(item, dict) and (wanted := once_of(item)) is not None:
                once[position] = draft, wanted
            else:
                plain[position] = draft
        results |= zip(plain, self._events.add(list(plain.values())), strict=True)
        if once:
            results |= zip(once, self._once.add(principal.key_id, now, list(once.values())), strict=True)
        return _ingested(body, [results[position] for position in range(len(drafted))])


def _ingested(body: Body, results: Sequence[Event | Earlier | TocsinError]) -> Ingested:
    """Wrap the results. The error of a single event is raised: it is the whole answer."""
    measured(Metric.EVENTS_ACCEPTED, sum(isinstance(result, Event) for result in results))
    refused = [result for result in results if isinstance(result, TocsinError) and not isinstance(result, Unavailable)]
    measured(Metric.EVENTS_REFUSED, len(refused))
    if body.single and isinstance(results[0], TocsinError):
        raise results[0]
    return Ingested(body.single, tuple(results))


def _draft(body: Body, terms: Terms, anchor: str | None) -> list[Submission | TocsinError]:
    """Make of each item an event to be stored, or the error. Ids derive from `anchor` where there is one."""
    drafted: list[Submission | TocsinError] = []
    seen: dict[str, int] = {}
    for position, item in enumerate(body.items):
        if isinstance(item, TocsinError):
            drafted.append(item)
            continue
        own_id = derived_id(anchor, "event", str(position)) if anchor is not None else None
        try:
            event = finish(item, terms, own_id=own_id)
        except TocsinError as error:
            drafted.append(error)
            continue
        first = seen.setdefault(event.id, position)
        if first != position:
            drafted.append(Invalid([Violation("id", f"is the id of event {first} of this batch too")]))
            continue
        may_be_there = anchor is not None or item.get("id") is not None
        drafted.append(Submission(event, digest_of(canonical(item)) if may_be_there else None))
    return drafted


def _terms(principal: Principal, request: Request, settings: Settings, anchor: str) -> Terms:
    return Terms(
        now=id_time(anchor),
        app=principal.key_name,
        key_id=principal.key_id,
        brand=settings.brand,
        retention=parse_duration(settings.event_retention),
        secrets=settings.secrets,
        source_ip=source_address(request.headers, request.source_ip),
        depth=_depth(request),
    )


def _depth(request: Request) -> int:
    """How deep in a chain of events that webhooks post the request is; 0 where none says so. Raises Invalid."""
    given = request.headers.get(DEPTH_HEADER.lower())
    if given is None:
        return 0
    digits = given.lstrip("0")
    known = digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_TOLD_DEPTH))
    if not known or int(digits) > MAX_TOLD_DEPTH:
        what = f"must be a number from 1 to {MAX_TOLD_DEPTH}, as webhooks send it: {given[:20]!r}"
        raise Invalid([Violation(DEPTH_HEADER, what)])
    return int(digits)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    key = key.strip().strip('"')
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY:
        raise Invalid(
            [Violation("Idempotency-Key", f"must have 1 to {MAX_IDEMPOTENCY_KEY} characters; has {len(key)}")]
        )
    return key


def event_result(event: Event | Earlier) -> JsonObject:
    """Answer for a stored event: {id, created, expires}."""
    expires = None if event.expires is None else iso(event.expires)
    return {"id": event.id, "created": iso(event.created), "expires": expires}


def refusal_facts(error: TocsinError) -> dict[str, Any]:
    """Facts of a refusal for the log: its status and code, and the names of the wrong fields.

    Nothing that was sent is among them: field names of the producer's own appear as `other`.
    """
    facts: dict[str, Any] = {"status": error.status, "error": error.code}
    if isinstance(error, Invalid):
        named = {re.split(r"[.\[]", violation.path)[0] for violation in error.violations}
        facts["fields"] = sorted(named & FIELDS) + (["other"] if named - FIELDS else [])
    return facts


def batch_facts(ingested: Ingested) -> dict[str, Any]:
    """Facts of a batch for the log: how many events were stored and refused, and why the first of these was.

    A batch can be refused five hundred times, mostly for one reason; its answer has them all.
    """
    refused = [result for result in ingested.results if isinstance(result, TocsinError)]
    stored = sum(isinstance(result, Event) for result in ingested.results)
    first = {"first_refused": refusal_facts(refused[0])} if refused else {}
    return {"stored": stored, "refused": len(refused)} | first


def one_result(result: Event | Earlier | TocsinError) -> JsonObject:
    """Answer for one event of a batch: 201 or 200 with what `event_result` says, else the problem."""
    if isinstance(result, TocsinError):
        return result.problem()
    return {"status": 201 if isinstance(result, Event) else 200} | event_result(result)
