"""HTTP answers as RFC 9110 has them, of which http.client reads the most."""

from __future__ import annotations

from http.client import CONTINUE, SWITCHING_PROTOCOLS, HTTPException, HTTPResponse

_MOST_INTERIM = 100


class Answer(HTTPResponse):
    """The answer after any number of interim ones (15.2): 102, 103 and their like are skipped as 100 is.

    Else the answer itself would be left in the connection, and read as that of its next request.
    """

    _interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the types
        if not 100 <= status < 200 or status == SWITCHING_PROTOCOLS:
            return version, status, reason
        self._interim += 1
        if self._interim > _MOST_INTERIM:
            raise HTTPException(f"more than {_MOST_INTERIM} interim answers")
        return version, CONTINUE, reason
