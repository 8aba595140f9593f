# Made by `make shared` from layers/core/tocsin/events/commands.py: change that.
"""Secrets in commands, statements and files that give them no sign: ``mysql -p…``, ``IDENTIFIED BY '…'``, .netrc."""

from tocsin_client._shared import regex as re
from functools import lru_cache
from itertools import chain

from tocsin_client._shared.secret_names import MASK, NAME, Secrets
from tocsin_client._shared.types import Json

CLIENTS = ("curl", "mysql", "mariadb", "sshpass", "identified", " login -", "redis-cli")
"""What a text, in lower case, has in it that may be such a command or statement."""

_USER_OPTIONS = frozenset({"-u", "--user", "--proxy-user", "-U"})
_OPTIONS = {
    "mongo": ("mongo(?:sh|dump|restore|export|import|stat|top|files)?", "p"),
    "cqlsh": ("cqlsh", "p"),
    "twine": ("twine", "p"),
    "rdesktop": ("rdesktop", "p"),
    "couchbase": ("couchbase-cli", "p"),
    "ldap": ("ldap[a-z]{1,8}", "w"),
    "sqlcmd": ("sqlcmd", "P"),
    "bcp": ("bcp", "P"),
    "zip": ("(?:un)?zip", "P"),
    "ipmitool": ("ipmitool", "P"),
    "mosquitto": ("mosquitto_[a-z]{3}", "P"),
    "openssl": ("openssl", "k"),
    "snmp": ("snmp(?:get|set|walk|bulk|table|trap|inform|status|usm|vacm)[a-z]{0,8}(?<!trapd)", "[AXc]"),
    "sshpass": ("sshpass", "p"),
    "redis": ("redis-cli", "a"),
}
"""Programs, by what a text in lower case has in it, and the option by which each is given a password."""
_TOGETHER = {
    "7z": (r"\b7z[a-z]?", "-p(?!ool)"),
    "smbclient": (r"\bsmbclient", r"-U[ ]?[\"']?[^\s\"'%]{1,128}%"),
    "freerdp": ("freerdp", "/p:"),
}
"""The same of what has an option and its password in one word."""
_WITHIN = r"[^\n;|&]{0,256}?\s"
"""What is between a program, or a password that it is given, and the next of its options, at most."""
_VALUE = r"""["']?(?P<value>%s[^\s"';|&]++)"""
_NO_PORT = r"(?!-|\d{1,5}\b)"
_NET = r"(?i:\bnet1?(?:\.exe)?)[ ](?i:%s)[ ]"
_OTHERS = {
    " user ": _NET % "user"
    + r"[^\s/]{1,128}[ ]"
    + _VALUE % r"(?![/*])(?:(?=\S{1,128}+[ ]/)|(?=\S{0,128}\d)(?=\S{0,128}[A-Za-z])(?=\S{1,128}+[ \t]*+(?:[\r\n]|\Z)))",
    " use ": _NET % "use" + r"[^\n;|&]{0,256}?[ ]" + _VALUE % r"(?![\\/*]|[A-Za-z]:)" + r"(?=[\"']?[ ]/(?i:user):)",
    "/user:": _NET % "use" + r"[^\n;|&]{0,256}?[ ]/(?i:user):\S{1,128}[ ]" + _VALUE % "(?![/*])",
    "rabbitmqctl": r"\brabbitmqctl[ ](?:add_user|change_password)[ ]\S{1,128}[ ]" + _VALUE % "",
    "htpasswd": r"\bhtpasswd[ ](?=(?:-\w{1,8}[ ]){0,4}-\w{0,8}b)(?:-\w{1,8}[ ]){1,5}+(?:\S{1,256}[ ]){1,2}"
    + _VALUE % "",
    "chpasswd": r"""(?<!\S)["']?[^\s:"']{1,128}:(?P<value>[^\s"'|]++)(?=["']?\s*+\|\s*+(?:sudo\s++)?chpasswd\b)""",
    "echo ": r"""\becho[ ](?:-\w{1,8}[ ])?["']?(?P<value>[^\s"'|]++)(?=["']?\s*+\|\s*+"""
    r"(?:sudo\s++(?:-\w{1,8}\s++){0,4}-\w{0,8}S\b|(?:sudo\s++)?passwd\s++--stdin\b))",
    "securestring": r"(?i:\bConvertTo-SecureString\s++(?:-String\s++)?)"
    r"(?P<quote>[\"'])(?P<value>[^\"'\r\n]++)(?=(?P=quote))",
    "identified": r"(?i:\b(?:create|alter)\s++user\s++\S{1,128}+\s++identified\s++by\s++)"
    + _VALUE % "(?i:(?!values\\b))",
    "password for": r"(?i:\bset\s++password\s++for)\s++[^\s=]{1,256}+\s*+=\s*+'(?P<value>[^'\r\n]++)",
    "password ": r"\bpassword[ ][05789][ ](?P<value>(?=\S{0,128}\d)\S++)",
}
"""The same of what has the password in a place of its own."""
_SETTING = (
    rf"(?<!\S)(?:(?i:setx|aws[ ]configure[ ]set|(?:npm|pip|yarn|git|gcloud)[ ]config[ ]set)|ENV)[ ](?:\S{{0,128}}:)?"
    rf"(?P<name>{NAME})[ ]++[\"']?(?P<value>[^\s\"'=-][^\s\"']*+)"
)
"""A name and its value with a blank between."""

_INSERT = (
    r"(?i:\binsert\s++(?:ignore\s++)?into)\s++[^\s(]{1,256}+\s*+\((?P<columns>[^()]{1,4096}+)\)\s*+(?i:values)"
    r"\s*+(?=\()"
)
_SQL_VALUE = (
    r"[\s,(]*+(?:\w{0,8}'(?P<text>(?:[^'\\]|\\.|'')*+)(?:'|\Z)|(?:[^',()]|\([^()']{0,256}+\))++)\s*+(?P<end>[,)]|\Z)"
)
_NEXT_ROW = r"\s*+,\s*+(?=\()"

_OF_PROGRAMS = (
    *("identified", "passw", "setx ", " set ", "insert ", "rabbitmqctl", "securestring"),
    *("net user ", "net1 user ", ".exe user "),
)
"""What a text without an option has in it, in lower case, that may be one of these commands."""

_PROGRAM = re.compile(r"(?:\A|/)(?:curl|mysql\w*|mariadb[\w-]*|smbclient)\Z")
_MYSQL = re.compile(r"(?:mysql|mariadb)[\w-]*")
_SEVEN_ZIP = re.compile("7z[a-z]?")
_USER_AND_PASSWORD = re.compile(r"[^\s:%]{1,128}[:%](?=.)", re.DOTALL)

_CLIENT_PASSWORD = re.compile(
    r"""(?<!\S)(?:(?:-u|--user|--proxy-user|-U)[ =]?["']?[^\s:"']{1,128}:|-p(?=[^\s-]))["']?(?P<value>[^\s"']++)"""
)
_CLIENTS_OPTIONS = tuple(
    (re.compile(rf"\b{program}(?=[ ])"), re.compile(rf"""{_WITHIN}-{option}[ =]["']?(?P<value>{_NO_PORT}[^\s"']++)"""))
    for program, option in (("(?:sshpass|login)", "p"), ("redis-cli", "a"))
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
        text = _CLIENT_PASSWORD.sub(_mask_value, text)
        for program, option in _CLIENTS_OPTIONS:
            text = _mask_options(text, program, option)
    return _SQL.sub(_mask_value, text)


def may_be_of_programs(texts: str, lowered: str) -> bool:
    """Whether `mask_programs` may find something in one of the texts, given all in one, also in lower case."""
    if any(map(texts.__contains__, (" -", " /", " | ", "ENV "))):
        return True
    return any(map(lowered.__contains__, _OF_PROGRAMS))


def mask_programs(text: str, secrets: Secrets) -> str:
    """The text with the passwords masked that programs are given in a place or by an option without a name."""
    lowered = text.lower()
    for needle in chain(_OPTIONS, _TOGETHER):
        if needle in lowered:
            text = _mask_options(text, *_patterns_of(needle))
    for needle, pattern in _OTHERS.items():
        if needle in lowered:
            text = _compiled(pattern).sub(_mask_within, text)
    if "insert" in lowered and "values" in lowered:
        text = _mask_inserts(text, secrets)
    if "set" in lowered or "ENV " in text:

        def masked(found: re.Match[str]) -> str:
            return _mask_within(found) if secrets.is_secret_key(found["name"]) else found[0]

        text = _compiled(_SETTING).sub(masked, text)
    return text


def _mask_inserts(text: str, secrets: Secrets) -> str:
    """The text with the values of secret columns masked: ``INSERT INTO users (name, password) VALUES ('bob', '…')``."""
    parts: list[str] = []
    done = 0
    for found in _compiled(_INSERT).finditer(text):
        columns = [secrets.is_secret_key(column) for column in found["columns"].split(",")]
        at, column = found.end(), 0
        while any(columns) and (value := _compiled(_SQL_VALUE).match(text, at)):
            if column < len(columns) and columns[column] and value["text"]:
                parts += [text[done : value.start("text")], MASK]
                done = value.end("text")
            at, column = value.end(), column + 1
            if value["end"] != ",":
                row = _compiled(_NEXT_ROW).match(text, at)
                if row is None:
                    break
                at, column = row.end(), 0
    return "".join(parts) + text[done:]


def _mask_options(text: str, program: re.Pattern[str], option: re.Pattern[str]) -> str:
    """The text with each password masked that the program is given by the option, however often it is."""
    parts: list[str] = []
    done = 0
    for found in program.finditer(text):
        at = found.end()
        while at >= done and (given := option.match(text, at)):
            parts += [text[done : given.start("value")], MASK]
            done = at = given.end("value")
    return "".join(parts) + text[done:]


def _patterns_of(needle: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A program, and its option with a password, from the end of the program, or of the password before, on."""
    if needle in _TOGETHER:
        program, option = _TOGETHER[needle]
        return _compiled(rf"{program}(?=[ ])"), _compiled(_WITHIN + option + _VALUE % "")
    program, option = _OPTIONS[needle]
    return _compiled(rf"\b{program}(?=[ ])"), _compiled(rf"{_WITHIN}-{option}[ =]" + _VALUE % _NO_PORT)


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile with the first text that a command may stand in: most functions see none."""
    return re.compile(pattern)


def mask_netrc(text: str) -> str:
    """The text with the passwords masked of a .netrc: ``machine h login bob password …``, in one line or several."""
    return _NETRC.sub(_mask_value, text)


def mask_oracle(text: str) -> str:
    """The text with the passwords masked of Oracle's addresses: ``jdbc:oracle:thin:scott/…@h``, ``sqlplus scott/…``."""
    return _ORACLE.sub(_mask_within, text)


def mask_arguments(items: list[Json]) -> list[Json]:
    """The list of a command's arguments, one at least, its passwords masked: ``["curl", "-u", "bob:…"]``."""
    program = items[0]
    if not isinstance(program, str):
        return items
    takes_user, option = _PROGRAM.search(program) is not None, _option_of(program, items)
    if not takes_user and option is None:
        return items
    made: list[Json] = [*items]
    for position, item in enumerate(items):
        if not isinstance(item, str):
            continue
        before = items[position - 1] if position else None
        user = _USER_AND_PASSWORD.match(item) if before in _USER_OPTIONS else None
        if user:
            made[position] = user[0] + MASK
        elif option is not None and (given := option.match(item)):
            if item[given.end() :]:
                made[position] = given[0] + MASK
            elif position + 1 < len(items):
                made[position + 1] = MASK
    return made


def _option_of(program: str, items: list[Json]) -> re.Pattern[str] | None:
    """What a program's option for a password begins as; None where it has none."""
    name = program.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    if _MYSQL.fullmatch(name) or _SEVEN_ZIP.fullmatch(name):
        return _compiled("-p(?=.)")  # alone it asks for the password
    if name == "docker" and "login" in items:
        return _compiled("-p")
    options = (option for each, option in _OPTIONS.values() if _compiled(each).fullmatch(name))
    return next((_compiled(f"-{option}") for option in options), None)


def _mask_within(found: re.Match[str]) -> str:
    start, end = (place - found.start() for place in found.span("value"))
    return found[0][:start] + MASK + found[0][end:]


def _mask_value(found: re.Match[str]) -> str:
    return found[0][: -len(found["value"])] + MASK
