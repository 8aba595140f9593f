"""AWS CloudTrail records, read as events.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import re

from tocsin_cli.importing import audit
from tocsin_cli.importing.audit import MAX_PERSON, Reading, change, child, custom, sentence, text, words
from tocsin_cli.types import JsonObject

_DENIED = ("AccessDenied", "UnauthorizedOperation")
_ACTIONS = {
    "AssumeRole": "impersonation_started",
    "ChangePassword": "password_set",
    "Decrypt": "secret_view",
    "GetParameter": "secret_view",
    "GetParameters": "secret_view",
    "GetSecretValue": "secret_view",
    "UpdateLoginProfile": "password_set",
}
_READS = {"get", "list", "describe", "head", "lookup", "download"}


SOURCE = "AWS.CloudTrail"
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def is_record(content: JsonObject) -> bool:
    """Whether it is a CloudTrail record, by the members that all of them have."""
    return content.keys() >= {"eventSource", "eventName"}


def event_of(record: JsonObject) -> JsonObject:
    """The event that a record is, at the time that it has."""
    event = audit.event_of(read(record), SOURCE, record)
    return event | ({"created": moment} if (moment := text(record, "eventTime")) else {})


def identity_of(record: JsonObject) -> str | None:
    """What tells the record from all others, however it was delivered: CloudTrail's `eventID`, where it has one.

    It is a GUID, and CloudTrail may deliver an event more than once. In logs that were made unrecognizable it may be
    something else, or the same again and again: hence what happened, and where, beside it.
    """
    if not _GUID.fullmatch(text(record, "eventID")):
        return None
    return " ".join(
        ["cloudtrail", *(text(record, name) for name in ("eventID", "eventSource", "eventName", "recipientAccountId"))]
    )


def read(log: JsonObject) -> Reading:
    """One record: {eventSource, eventName, userIdentity, requestParameters, …}, most of it optional."""
    name = text(log, "eventName") or "unknown"
    service = text(log, "eventSource").split(".", 1)[0] or "aws"
    username, pk = _identity(child(log, "userIdentity"))
    action = _action(log, service, name)
    touched = _touched(child(log, "requestParameters"))
    model = None
    if action.startswith("model_"):
        noun = "".join(words(name.partition("2015")[0])[1:]) or "resource"
        model = (f"{service}_{noun}", touched or text(log, "eventID") or "unknown")
    return Reading(
        action=action,
        app="aws",
        message=_message(log, username, service, name, touched),
        username=username,
        user_pk=pk,
        client_ip=text(log, "sourceIPAddress"),
        model=model,
        details={
            "operation": f"{service}.{name}",
            "account": text(log, "recipientAccountId"),
            "region": text(log, "awsRegion"),
            "error": text(log, "errorCode"),
        },
    )


def _action(log: JsonObject, service: str, name: str) -> str:
    if text(log, "errorCode").endswith(_DENIED):
        return "suspicious_request"
    if name == "ConsoleLogin":
        failed = text(child(log, "responseElements"), "ConsoleLogin") == "Failure"
        return "login_failed" if failed else "login"
    if name in _ACTIONS:
        return _ACTIONS[name]
    if words(name)[:1] and words(name)[0] in _READS:
        return custom(service, name)
    if service == "iam" and "user" in words(name):
        return "user_write"
    return change(name) or custom(service, name)


def _identity(identity: JsonObject) -> tuple[str, str]:
    """The name that a person would know the caller by, and the identifier that AWS knows him by."""
    session = text(identity, "principalId").partition(":")[2]
    arn = text(identity, "arn")
    name = (
        text(identity, "userName")
        or session
        or arn.rpartition("/")[2].rpartition(":")[2]
        or text(child(identity, "sessionContext", "sessionIssuer"), "userName")
        or text(identity, "invokedBy")
    )
    is_key = 0 < len(arn) <= MAX_PERSON  # a path, as users of IAM have, may make it longer
    return name, arn if is_key else text(identity, "principalId")


def _touched(parameters: JsonObject) -> str:
    """The name of what was called upon: the first parameter that is called a name, an id or an ARN."""
    names = (name for name in parameters if name.lower().endswith(("name", "identifier", "id", "arn")))
    return next((value for name in names if len(value := text(parameters, name)) in range(2, 100)), "")


def _message(log: JsonObject, username: str, service: str, name: str, touched: str) -> str:
    who = username or "somebody"
    if name == "ConsoleLogin":
        failed = text(child(log, "responseElements"), "ConsoleLogin") == "Failure"
        return f"{who} {'failed to sign in' if failed else 'signed in'} to the AWS console"
    error = text(log, "errorCode")
    return sentence(
        f"{who} {'was refused' if error.endswith(_DENIED) else 'called'} {service}.{name}",
        f"on {touched}" if touched else "",
        f"in {text(log, 'awsRegion')}" if text(log, "awsRegion") else "",
        f"({error})" if error and not error.endswith(_DENIED) else "",
    )
