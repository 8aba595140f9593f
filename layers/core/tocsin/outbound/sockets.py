"""Sockets that can neither be kept busy for ever nor fed for ever.

A socket's timeout starts anew with each call, so a server that sends a byte a second is never late. These set
it to the time that is left before each call, and count what they receive: headers, endless 1xx answers, chunk
sizes and trailers included, which HTTP libraries bound one by one or not at all.
"""

import socket
import ssl
from collections.abc import Buffer

from tocsin.outbound.deadlines import Deadline


class TooMuchReceivedError(Exception):
    """More bytes came than the whole answer may have."""


class BoundedSocket(socket.socket):
    """A socket whose reads and writes all end by one deadline (TimeoutError) and within a number of bytes.

    Only the calls that http.client makes are bounded: recv_into for each read, sendall for each write.
    """

    deadline: Deadline
    receivable: int

    def bound(self, deadline: Deadline, receivable: int) -> None:
        """Set the deadline, and how many more bytes (after decryption) may be received."""
        self.deadline = deadline
        self.receivable = receivable

    def recv_into(self, buffer: Buffer, nbytes: int | None = None, flags: int = 0) -> int:
        """Receive as usual, within the limits. Raises TimeoutError, TooMuchReceivedError."""
        self.settimeout(self.deadline.claim())
        # 0 would ask a TLS socket for nothing, and None is not for a plain one.
        count = super().recv_into(buffer, nbytes or memoryview(buffer).nbytes, flags)
        self.receivable -= count
        if self.receivable < 0:
            raise TooMuchReceivedError
        return count

    def sendall(self, data: Buffer, flags: int = 0) -> None:
        """Send as usual, within the deadline. Raises TimeoutError."""
        self.settimeout(self.deadline.claim())
        super().sendall(data, flags)


class BoundedTLSSocket(BoundedSocket, ssl.SSLSocket):
    """The same over TLS. An SSLContext makes it, and does the handshake within the plain socket's timeout."""

    def send(self, data: Buffer, flags: int = 0) -> int:
        """Send a part, as sendall of TLS sockets does again and again, each within the time that is left."""
        self.settimeout(self.deadline.claim())
        return super().send(data, flags)
