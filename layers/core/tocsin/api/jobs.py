"""/erasures and /exports: jobs that take longer than a request may, asked for and looked at."""

from __future__ import annotations

from datetime import timedelta

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response, page_response
from tocsin.api.cursors import Cursors
from tocsin.api.parameters import asked, limit_of, object_of, words_of
from tocsin.aws.bucket import Bucket
from tocsin.aws.logging import Code, note
from tocsin.errors import Invalid, NotFound, RateLimited, Violation
from tocsin.http.request import Request
from tocsin.identity.principal import Scope
from tocsin.ids import IdError, new_id, parse_id
from tocsin.jobs.erasure import ErasureRequest, new_erasure
from tocsin.jobs.export import LINK_SECONDS, ExportRequest, file_of, new_export
from tocsin.jobs.model import Job, JobKind, JobState, Requester
from tocsin.jobs.store import JobStore
from tocsin.models import accepted
from tocsin.times import iso, utc_now
from tocsin.types import JsonObject, Page
from tocsin.words import page_with

MAX_OPEN_EXPORTS = 20
"""Exports of one key that wait or are written at a time: a run of the schedule goes on with few of them, and what
others ask for, erasures too, waits for its turn among all."""

_SCOPES = {JobKind.ERASURE: Scope.EVENTS_ERASE, JobKind.EXPORT: Scope.EVENTS_READ}
_CURSORS = {kind: Cursors(of=kind, other="is of another list", check=parse_id) for kind in JobKind}
_READABLE = ("by", "state", "reason", "format", "filters", "error")


def add_routes(app: APIGatewayHttpResolver, jobs: JobStore, exports: Bucket) -> None:
    """Add this subject's routes. Files of exports are in the bucket `exports`."""

    @app.post("/erasures")
    def erase() -> Response[str]:
        request, principal = asked(app, Scope.EVENTS_ERASE)
        wanted = _body(ErasureRequest, request)
        return _added(jobs, new_erasure(new_id(), wanted, Requester.of(principal), utc_now()))

    @app.post("/exports")
    def export() -> Response[str]:
        request, principal = asked(app, Scope.EVENTS_READ)
        job = new_export(new_id(), _body(ExportRequest, request), Requester.of(principal), utc_now())
        if jobs.open_of(JobKind.EXPORT, principal.key_id) >= MAX_OPEN_EXPORTS:
            raise RateLimited(
                f"{principal.key_name!r} has {MAX_OPEN_EXPORTS} exports that are not done yet; ask again when one is",
                retry_after=60,
            )
        return _added(jobs, job)

    @app.get("/exports/<job_id>")
    def one_export(job_id: str) -> Response[str]:
        asked(app, Scope.EVENTS_READ)
        job = _found(jobs, JobKind.EXPORT, job_id)
        return json_response(200, job.to_json() | _link(job, exports))

    @app.get("/erasures/<job_id>")
    def one_erasure(job_id: str) -> Response[str]:
        asked(app, Scope.EVENTS_ERASE)
        return json_response(200, _found(jobs, JobKind.ERASURE, job_id).to_json())

    for kind in JobKind:
        _add_list(app, jobs, kind)


def _add_list(app: APIGatewayHttpResolver, jobs: JobStore, kind: JobKind) -> None:
    @app.get(f"/{kind}")
    def many() -> Response[str]:
        request, _ = asked(app, _SCOPES[kind], query=("search", "limit", "cursor"))

        def read(before: str | None, limit: int) -> Page[JsonObject]:
            found = jobs.page(kind, before=before, limit=limit)
            return Page(tuple(job.to_json() for job in found.items), found.last)

        def page(most: int) -> JsonObject:
            found = page_with(
                words_of(request),
                read,
                key=lambda entry: str(entry["id"]),
                fields=_READABLE,
                after=_CURSORS[kind].read(request.query.get("cursor")),
                limit=most,
            )
            return {"items": [*found.items], "cursor": _CURSORS[kind].write(found.last)}

        return page_response(page, limit_of(request, 50))


def _added(jobs: JobStore, job: Job) -> Response[str]:
    jobs.add(job)
    note(Code.JOB_ASKED, "a job was asked for", job=job.id, kind=job.kind.value, by=job.by.key_name)
    return json_response(202, job.to_json(), {"location": f"/{job.kind}/{job.id}"})


def _found(jobs: JobStore, kind: JobKind, job_id: str) -> Job:
    try:
        job = jobs.get(kind, parse_id(job_id))
    except IdError as error:
        raise Invalid([Violation("id", str(error))]) from None
    if job is None:
        raise NotFound(f"there is no such job {job_id[:60]!r}, or it is long over")
    return job


def _link(job: Job, exports: Bucket) -> JsonObject:
    """Where the file of an export can be read for a while; null while it is not there, or no longer."""
    if job.state is not JobState.DONE or exports.size(file_of(job)) is None:
        return {"link": None, "link_expires": None}
    name = f"events-{job.created:%Y%m%d-%H%M%S}.{job.shown['format']}"
    link = exports.link(file_of(job), file_name=name, seconds=LINK_SECONDS)
    return {"link": link, "link_expires": iso(utc_now() + timedelta(seconds=LINK_SECONDS))}


def _body[Shape](model: type[Shape], request: Request) -> Shape:
    return accepted(model, object_of(request))
