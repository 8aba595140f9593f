# Made by `make shared` from layers/core/tocsin/events/commands.py: change that.
"""Secrets in commands, statements and files that give them no sign: ``mysql -p…``, ``IDENTIFIED BY '…'``, .netrc."""

from tocsin_client._shared import regex as re

from tocsin_client._shared.secret_names import MASK
from tocsin_client._shared.types import Json

CLIENTS = ("curl", "mysql", "mariadb", "sshpass", "identified", " login -", "redis-cli")
"""What a text, in lower case, has in it that may be such a command or statement."""

_USER_OPTIONS = frozenset({"-u", "--user", "--proxy-user", "-U"})
_PROGRAM = re.compile(r"(?:\A|/)(?:curl|mysql\w*|mariadb[\w-]*)\Z")
_USER_AND_PASSWORD = re.compile(r"([^\s:]{1,128}:)(?=.)", re.DOTALL)

_CLIENT_PASSWORD = re.compile(
    r"""(?<!\S)(?:(?:-u|--user|--proxy-user|-U)[ =]?["']?[^\s:"']{1,128}:|-p(?=[^\s-]))["']?(?P<value>[^\s"']++)"""
)
_OPTION = re.compile(
    r"""\b(?:(?:sshpass|login)(?=[ ])[^\n;|&]{0,256}?\s-p|redis-cli(?=[ ])[^\n;|&]{0,256}?\s-a)[ =]["']?"""
    r"""(?P<value>(?!-|\d{1,5}\b)[^\s"']++)"""
)
_SQL = re.compile(
    r"\b(?:identified\s++by(?:\s++password)?|passw(?:or)?d)(?:\s++|\s*+\(\s*+)'(?P<value>(?:[^'\\]|\\.|'')++)",
    re.IGNORECASE,
)
_NETRC = re.compile(
    r"\b(?:machine\s++\S++|default)\s++(?:(?:login|account)\s++\S++\s++){1,2}+password\s++(?P<value>\S++)"
)
"""https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html"""

_ORACLE = re.compile(
    r"\b(?:jdbc:oracle:\w{1,8}+:|sqlplus(?:[ ]-\w{1,8}+)*+[ ]++)[\w$\#]{1,128}+/"
    r"""(?P<quote>"?)(?P<value>[^\s@"/]++)(?P=quote)(?=[@\s]|\Z)""",
    re.IGNORECASE,
)
"""A user and a password with a slash between them."""


def mask_commands(text: str) -> str:
    """The text with the passwords masked of clients that take them without a name, and of SQL."""
    if any(map(text.__contains__, CLIENTS)):
        text = _OPTION.sub(_mask_value, _CLIENT_PASSWORD.sub(_mask_value, text))
    return _SQL.sub(_mask_value, text)


def mask_netrc(text: str) -> str:
    """The text with the passwords masked of a .netrc: ``machine h login bob password …``, in one line or several."""
    return _NETRC.sub(_mask_value, text)


def mask_oracle(text: str) -> str:
    """The text with the passwords masked of Oracle's addresses: ``jdbc:oracle:thin:scott/…@h``, ``sqlplus scott/…``."""
    return _ORACLE.sub(_mask_within, text)


def mask_arguments(items: list[Json]) -> list[Json]:
    """The list of a command's arguments, its passwords masked as in the command: ``["curl", "-u", "bob:…"]``."""
    program = items[0] if items else None
    if not isinstance(program, str) or not _PROGRAM.search(program):
        return items
    made: list[Json] = [*items]
    for position, item in enumerate(items):
        if not isinstance(item, str):
            continue
        before = items[position - 1] if position else None
        user = _USER_AND_PASSWORD.match(item) if before in _USER_OPTIONS else None
        if user:
            made[position] = user[0] + MASK
        elif item[:2] == "-p" and len(item) > 2 and "curl" not in program:
            made[position] = f"-p{MASK}"
    return made


def _mask_within(found: re.Match[str]) -> str:
    start, end = (place - found.start() for place in found.span("value"))
    return found[0][:start] + MASK + found[0][end:]


def _mask_value(found: re.Match[str]) -> str:
    return found[0][: -len(found["value"])] + MASK
