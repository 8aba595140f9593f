"""What can go wrong with a request to an address that a customer chose.

    Exception
    ├── OutboundBlocked   we refuse to send: final, until somebody changes the configuration or the DNS
    └── OutboundError     the network or the other side failed: time can heal it, so try again later

Neither text ever holds a path, a query string, user info, a header's value or a word that the other side
said: both are made to be stored in the delivery ledger and shown to whoever set the URL.
"""

from typing import Literal

type BlockReason = Literal[
    "bad_url",  # not scheme://host[:port]/path, too long, or with blanks, control characters, backslashes
    "scheme",  # neither https nor, where the policy has it, http
    "userinfo",  # user:password@ before the host
    "bad_host",  # not a host name, nor an address in its one ordinary form
    "own_host",  # this deployment's own API
    "port",  # not among the policy's ports
    "address_not_global",  # the host is, or resolves to, an address that is not global unicast
    "bad_answer",  # the resolver gave nothing, or something that is not an address
    "bad_header",  # a name or value that HTTP can't carry, or a name that is ours to set
    "bad_certificate",  # the CA or client certificate that was configured can't be used
]

type FailureKind = Literal[
    "dns",  # the resolver failed, knows no such name, or took too long
    "connect",  # refused, unreachable
    "tls",  # the handshake failed, or the certificate does not hold
    "timeout",  # connecting, or the whole exchange, took too long
    "protocol",  # connected, but no HTTP answer came back
]


class OutboundBlocked(Exception):
    """A request that is never sent.

    `reason` is a stable code for the ledger, `str()` a sentence that names the host or the address.
    """

    def __init__(self, reason: BlockReason, text: str) -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text

    def __str__(self) -> str:
        return self.text


class OutboundError(Exception):
    """A request that got no answer, for a cause that may pass.

    `kind` is a stable code for the ledger, `str()` a sentence that names the host or the address. With
    `timeout` and `protocol` the other side may have received the request all the same.

    A certificate that does not verify is `tls`, and so is retried: certificates are renewed and chains
    repaired within the hours that retries last, and nothing was sent meanwhile.
    """

    def __init__(self, kind: FailureKind, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return self.text
