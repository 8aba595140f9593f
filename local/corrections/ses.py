"""What sending mail needs the permission on, and how long its addresses and headers may be."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from email.utils import parseaddr
from typing import Any

from local.corrections.iam import with_context

_SEND = ("POST", "/v2/email/outbound-emails")

MAX_ADDRESS = 320
"""Bytes of an address with its name, encoded. AWS documents it nowhere; the words are those of SES's refusal:
github.com/zulip/zulip/issues/17558, github.com/mautic/mautic/issues/7732"""

MAX_HEADER = 996
"""Characters of a header's name and value together.
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html"""

type Answer = tuple[int, dict[str, str], bytes]
type Handle = Callable[[str, str, dict[str, str], bytes, object], Awaitable[Answer]]


def sent_from_an_identity(
    resource_of: Callable[[str, str, str, dict[str, str], bytes, object, str, str], str],
) -> Callable[[str, str, str, dict[str, str], bytes, object, str, str], str]:
    """Makes sending mail need the permission on the sender's identity, where the emulator asks for any at all.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    """

    def resource(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: object,
        region: str,
        account: str,
    ) -> str:
        if service == "ses" and (method, path) == _SEND:
            _, sender = parseaddr(str(json.loads(body).get("FromEmailAddress", "")))
            return f"arn:aws:ses:{region}:{account}:identity/{sender}"
        return resource_of(service, method, path, headers, body, query, region, account)

    return resource


def and_on_what_else_it_uses(
    enforce: Callable[..., Answer | None],
    check: Callable[[str, dict[str, str], object, str], Answer | None],
    *,
    scope: Callable[[dict[str, str]], tuple[str, str]],
    in_sandbox: Callable[[], bool],
) -> Callable[..., Answer | None]:
    """Makes sending mail also need the permission on its configuration set; in the sandbox, on its recipients too.

    `enforce` is the emulator's check of an SES v2 call; it gives None or the refusal. `check` is the same for one
    resource: (resource ARN, headers, query, request id). `scope` gives a request's region and account.

    Configuration set: a resource of SendEmail in
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    Recipients: AWS documents only that they have to be verified in the sandbox
    (https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html). That the sender needs ses:SendEmail on
    their identities there, people report: github.com/aws/aws-sdk-js/issues/3641, github.com/GSA/data.gov/issues/3810.
    """

    def enforce_all(
        method: str, path: str, headers: dict[str, str], body: bytes, query: object, request_id: str
    ) -> Answer | None:
        refused = enforce(method, path, headers, body, query, request_id)
        if refused or (method, path) != _SEND:
            return refused
        region, account = scope(headers)
        for resource in used_resources(json.loads(body), recipients=in_sandbox()):
            refused = check(f"arn:aws:ses:{region}:{account}:{resource}", headers, query, request_id)
            if refused:
                return refused
        return None

    return enforce_all


class FromAddress:
    """Gives each IAM check of sending mail `ses:FromAddress`: the sender's address, without a display name.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
    """

    def __init__(self) -> None:
        """Knows of no message yet."""
        self._sender: ContextVar[str | None] = ContextVar("ses-sender", default=None)

    def reading(self, enforce: Callable[..., Answer | None]) -> Callable[..., Answer | None]:
        """Remembers a message's sender for the checks that `enforce`, the emulator's check of an SES v2 call, makes."""

        def check(method: str, path: str, headers: dict[str, str], body: bytes, *rest: object) -> Answer | None:
            sender = None
            if (method, path) == _SEND:
                sender = parseaddr(str(json.loads(body).get("FromEmailAddress", "")))[1]
            self._sender.set(sender)
            return enforce(method, path, headers, body, *rest)

        return check

    def enforcing[T](self, enforce: Callable[..., T]) -> Callable[..., T]:
        """Adds the sender to the context of a check that is about mail."""

        def of_mail(service: str, _resource_arn: str) -> dict[str, object]:
            sender = self._sender.get()
            return {"ses:FromAddress": sender} if service == "sesv2" and sender is not None else {}

        return with_context(enforce, of_mail)


def too_long(message: dict[str, Any]) -> str | None:
    """Why SES refuses the addresses or headers of a SendEmail call; None where it does not."""
    recipients = [each for addresses in (message.get("Destination") or {}).values() for each in addresses]
    for address in (message.get("FromEmailAddress", ""), *recipients):
        if len(str(address).encode()) > MAX_ADDRESS:
            return f"Address length is more than {MAX_ADDRESS} bytes long: '{address}'"
    for header in ((message.get("Content") or {}).get("Simple") or {}).get("Headers") or []:
        if len(header["Name"]) + len(header["Value"]) > MAX_HEADER:
            return f"The header {header['Name']} is more than {MAX_HEADER} characters long."
    return None


def within_limits(handle: Handle) -> Handle:
    """Makes SES refuse a mail whose addresses or headers are too long; `handle` is the emulator's handler of SES v2."""

    async def handle_within(method: str, path: str, headers: dict[str, str], body: bytes, query: object) -> Answer:
        refusal = too_long(json.loads(body)) if (method, path) == _SEND else None
        if refusal is None:
            return await handle(method, path, headers, body, query)
        answer = json.dumps({"message": refusal}).encode()
        return 400, {"Content-Type": "application/json", "x-amzn-ErrorType": "BadRequestException"}, answer

    return handle_within


def used_resources(message: dict[str, Any], *, recipients: bool) -> Iterator[str]:
    """What a SendEmail call uses beside its sender's identity: configuration-set/<name>, identity/<address>."""
    if name := message.get("ConfigurationSetName"):
        yield f"configuration-set/{name}"
    if recipients:
        for addresses in (message.get("Destination") or {}).values():
            for written in addresses:
                yield f"identity/{parseaddr(str(written))[1]}"
