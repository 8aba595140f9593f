"""From a host to the addresses that may be dialled: one look-up, checked whole."""

import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from queue import Empty, SimpleQueue

from tocsin.outbound.addresses import Address, OutboundPolicy
from tocsin.outbound.deadlines import Deadline
from tocsin.outbound.errors import OutboundBlocked, OutboundError
from tocsin.outbound.urls import Target

type Resolver = Callable[[str, int], Sequence[str]]
"""Takes a host name and a port, gives all its addresses as text, raises OSError when it can't."""


def system_resolver(name: str, port: int) -> list[str]:
    """Ask the operating system. Every address of the name, IPv4 and IPv6, in the order to try them."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def addresses_of(
    target: Target, policy: OutboundPolicy, deadline: Deadline, resolver: Resolver = system_resolver
) -> tuple[Address, ...]:
    """Resolve a target once, and give its addresses, each of them checked, none twice.

    One address that is not allowed refuses the whole answer, allowed ones beside it or not. An answer that
    mixes public and private addresses is a mistake or an attack, and chance would say which one is dialled.

    Raises OutboundBlocked "address_not_global" or "bad_answer", OutboundError "dns".
    """
    if target.address is not None:
        policy.check_address(target.address, target.host)
        return (target.address,)
    answer = _ask(target, deadline, resolver)
    if not answer:
        raise OutboundBlocked("bad_answer", f"{target.host} resolves to no address")
    try:
        addresses = tuple(dict.fromkeys(ip_address(text) for text in answer))
    except ValueError:
        raise OutboundBlocked("bad_answer", f"{target.host} resolves to something that is not an address") from None
    for address in addresses:
        policy.check_address(address, target.host)
    return addresses


def _ask(target: Target, deadline: Deadline, resolver: Resolver) -> Sequence[str]:
    # getaddrinfo knows no timeout, and may take half a minute when name servers are silent. So it runs in a
    # thread of its own, a daemon, which is left behind if it takes too long.
    answers: SimpleQueue[Sequence[str] | BaseException] = SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(resolver(target.lookup, target.port))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for it
            answers.put(error)

    threading.Thread(target=look_up, name="tocsin-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left)
    except Empty:
        raise OutboundError("dns", f"{target.host} could not be resolved in time") from None
    if isinstance(answer, OSError | UnicodeError):
        # getaddrinfo's own words for the error number; a UnicodeError has the name in it and nothing to say.
        cause = getattr(answer, "strerror", None) or "the name can't be looked up"
        raise OutboundError("dns", f"{target.host} could not be resolved: {cause}") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer
