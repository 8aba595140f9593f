# Made by `make shared` from layers/core/tocsin/events/redact.py: change that.
"""Masking of secrets in JSON, before an event is stored.

A value is masked whole when its key names a secret (`Secrets`). In every other string, what looks like a
credential is masked where it stands and the rest stays readable:

- the password in ``scheme://user:password@host``, and a lone token as in ``https://ghp_123@host``;
- query and fragment parameters with a secret name: ``?token=``, ``&api_key=``, ``#access_token=``, the
  first one of a bare query string, and those of an address inside a parameter (``%26token%3D``);
- ``Authorization: …`` to the end of its line, and ``Bearer …`` and ``Basic …`` wherever they stand;
- JSON Web Tokens.
"""

from tocsin_client._shared import regex as re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tocsin_client._shared.types import Json, JsonObject

MASK = "*" * 20
"""What stands where a secret was. Its length is always the same, so that it does not tell the secret's."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SECRET_WORDS = _listed("""
    api auth token key secret signature sig cookie credential cred
    pass password passwd passphrase passcode passkey pwd
    otp totp hotp jwt csrf xsrf session phpsessid private bearer
""")

_COMPANIONS = _listed("""
    access account admin app application aws azure bot client code database db deploy device encryption
    github gitlab google hash header hmac host http https id ids j login master middleware oauth openid php
    proxy public refresh request root service shared sign signing slack ssh sso storage stripe temp user
    value verification web webhook x
""")
"""What people write together with a secret word: "xapikey", "accesskeyid", "jsessionid". A word is taken
apart only if nothing is left over, so that "monkey", "author", "compass" and "tokenizer" stay words."""

_READABLE = _listed("""
    passing password_change_date auth_method auth_method_args
    public_key api_version token_type
    session_context session_issuer session_duration
    private_ip private_ip_address private_dns_name
""")
"""Keys that stay readable although a word of theirs is secret. The first line is authentik's. The others
can't hold a secret, by what they mean in the standards and logs that use them, and are what investigations
look for: a key that is public, the version of an API, the kind of a token ("Bearer"), who began a CloudTrail
session and for how long (in there, each key is still looked at by itself), and addresses in a network."""

_PLURALS = {**{f"{word}s": word for word in _SECRET_WORDS}, "passes": "pass"}
_VOCABULARY = _SECRET_WORDS | _PLURALS.keys() | _COMPANIONS
_LONGEST_PART = max(map(len, _VOCABULARY))
_LONGEST_COMPOUND = 64

_WORD = re.compile(
    r"""
    OAuth                       # a word of its own, which says "protocol" more often than "secret"
    | [A-Z]+ (?![^\W\dA-Z_])    # an acronym, up to the word that follows: API of APIKey
    | [A-Z]? [^\W\dA-Z_]+       # a word; letters beyond ASCII count as small ones
    | \d+
    """,
    re.VERBOSE,
)
_LETTERS = re.compile(r"[^\W\d_]+")
_AUTHORIZATION_NAME = re.compile(r"\bauthorization(?: header| code|\Z)")


@dataclass(frozen=True)
class Secrets:
    """Which keys name a secret: the built-in words, and what the settings add and exempt.

    ``extra`` and ``exempt`` are whole keys in any spelling: "api_version" is also "apiVersion" and
    "API-Version". An extra key is masked even if it is exempt, too. Keep one object for a settings' life:
    it remembers what it found out about a key.
    """

    extra: frozenset[str] = frozenset()
    exempt: frozenset[str] = frozenset()
    _masked: frozenset[str] = field(init=False, repr=False, compare=False)
    _readable: frozenset[str] = field(init=False, repr=False, compare=False)
    _known: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    _MOST_KNOWN = 4096
    _LONGEST_KNOWN = 256

    def __post_init__(self) -> None:
        object.__setattr__(self, "_masked", _normal_forms(self.extra))
        object.__setattr__(self, "_readable", _normal_forms(self.exempt | _READABLE))

    def is_secret_key(self, key: str) -> bool:
        """Whether the key names a secret: ``db_password``, ``X-Api-Key``, ``accessKeyId``, ``authtoken``.

        A key is split into words at case changes, digits and everything that is no letter. It is secret if
        one of its words is, alone, in the plural, or written together with words that often stand beside
        it; "authorization" only where it stands for the header: as the last word, or before "header" or "code".
        """
        known = self._known.get(key)
        if known is None:
            known = self._find_out(key)
            if len(key) <= self._LONGEST_KNOWN:
                if len(self._known) >= self._MOST_KNOWN:
                    self._known.clear()
                self._known[key] = known
        return known

    def _find_out(self, key: str) -> bool:
        words = _words(key)
        whole = "".join(words)
        if whole in self._masked:
            return True
        if whole in self._readable:
            return False
        if not _SECRET_WORDS.isdisjoint(words) or any(map(_is_compound, _LETTERS.findall(key.lower()))):
            return True
        return _AUTHORIZATION_NAME.search(" ".join(words)) is not None


def _words(key: str) -> list[str]:
    """The key's words in lower case, those that name secrets in the singular."""
    words = [word.lower() for word in _WORD.findall(key)]
    return [_PLURALS.get(word, word) for word in words]


def _normal_forms(keys: Iterable[str]) -> frozenset[str]:
    return frozenset("".join(_words(key)) for key in keys) - {""}


def _is_compound(word: str) -> bool:
    """Whether the word, in lower case, is made up of the vocabulary alone, with a secret word among it."""
    if len(word) > _LONGEST_COMPOUND:
        return False
    reached = {0: False}  # where a part may begin, and whether a secret word came before
    for start in range(len(word)):
        if start in reached:
            for end in range(start + 1, min(start + _LONGEST_PART, len(word)) + 1):
                part = word[start:end]
                if part in _VOCABULARY:
                    secret = reached[start] or part not in _COMPANIONS
                    reached[end] = reached.get(end, False) or secret
    return reached.get(len(word), False)


_DEFAULT_SECRETS = Secrets()


def cleanse(value: Json, secrets: Secrets = _DEFAULT_SECRETS) -> Json:
    """A copy of the value in which secrets are masked with `MASK`; structure and keys stay as they are.

    The value under a secret key is masked whole, of whatever type and also where it is empty. Never raises,
    at whatever depth, and cleansing twice is cleansing once.

    What came in as JSON is best cleansed first and sanitized then: no cut can hide a secret from its
    pattern, and the limit on size holds, although a mask may be longer than what it covers.
    """
    objects: list[tuple[JsonObject, JsonObject]] = []
    arrays: list[tuple[list[Json], list[Json]]] = []

    def cleansed(item: Json) -> Json:
        if isinstance(item, str):
            return _cleansed_text(item, secrets)
        if isinstance(item, dict):
            objects.append((item, {}))
            return objects[-1][1]
        if isinstance(item, list):
            arrays.append((item, []))
            return arrays[-1][1]
        return item

    root = cleansed(value)
    while objects or arrays:
        while objects:
            given, made = objects.pop()
            for key, item in given.items():
                made[key] = MASK if secrets.is_secret_key(key) else cleansed(item)
        while arrays:
            items, copies = arrays.pop()
            copies.extend([cleansed(item) for item in items])
    return root


# Each pattern takes time linear in the text, whatever it holds: it starts only where no other attempt at it
# can have begun within what it scans (behind a separator, or not behind its own characters), its runs are
# possessive where they could be tried in several ways, and its lookaheads are bounded.

_DOTTED = re.compile(r"(?<![\w.-])[\w-]++(?:\.[\w-]*+)++", re.ASCII)
"""A whole run of base64url segments, in which a token may begin anywhere: RFC 7515, section 3.1."""

_USERINFO = re.compile(r"""://([^/?#\s"'<>\\]*)@""")
"""RFC 3986, section 3.2.1; up to the last @, as many a password with an @ is not percent-encoded."""

_NAME = r"[^\s?&#;=<>\"'/]{1,128}+"
_PARAMETER = re.compile(rf"""(?:^|(?<=[?&#;]))({_NAME})=([^\s?&#;<>"']*+(?:[?;](?!{_NAME}=)[^\s?&#;<>"']*+)*+)""")
_ENCODED_PARAMETER = re.compile(
    r"""(?<=%26|%23|%3[Ff])([\w.-]{1,128}+)%3[Dd]((?:(?!%26|%23|%3[Ff])[^\s&#<>"'])++)""", re.ASCII
)

_HEADER = re.compile(r"""(?:proxy-)?authorization(?:\\*["'])?[ \t]*+:[ \t]*+(?P<opening>\\*["'])?""", re.IGNORECASE)
_HEADER_VALUES = {
    '"': re.compile(r"""(?:[^"\\\r\n]|\\.)*+"""),
    "'": re.compile(r"""(?:[^'\\\r\n]|\\.)*+"""),
    "\\": re.compile(r"""[^"'\\\r\n]*+"""),
    "": re.compile(r"[^\r\n]*+"),
}
"""How far a header's value goes, by what stands before it or its name: a quote, an escaped one, nothing."""

_SCHEME = re.compile(
    r"(?:apikey|aws4-hmac-sha256|basic|bearer|digest|dpop|hawk|negotiate|ntlm|oauth|token)[ \t]++(?=\S)",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(
    r"""
    \b (?P<scheme>(?i:bearer|basic)) [ \t]++
    (?! (?:[A-Za-z]?[a-z]{0,14}|[A-Z]{1,15}) \.?+ (?![\w.~+/=*-]) )  # prose: "a bearer token", "basic AUTH."
    (?! (?:realm|error|scope|charset)= )                            # a challenge: RFC 6750, section 3
    (?P<token>[\w.~+/=*-]++)
    """,
    re.VERBOSE | re.ASCII,
)
_LONE_CREDENTIALS = re.compile(
    r"""
    ( \s*+ (?: bearer[ \t]++ (?!(?:auth|authentication|authorization|scheme|tokens?)\s*\Z|realm=)
            |  basic[ \t]++ (?![a-z]{1,15}\s*\Z) ) )
    (?!\S*\*{20}) \S++ (\s*+)  # what other patterns have masked in part is left to them
    """,
    re.VERBOSE | re.IGNORECASE,
)

_BASE64 = re.compile("[A-Za-z0-9+/]*")

_NAMED_USERS = _listed(
    "ftp ftps git git+ssh mariadb mongodb mongodb+srv mysql postgres postgresql rsync sftp smb ssh svn+ssh"
)
"""Schemes in which a user without a password is a name ("ssh://git@…"). Elsewhere it is mostly a token."""

_SCHEME_BEFORE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}\Z")


def _cleansed_text(text: str, secrets: Secrets) -> str:
    """The text with its credentials masked. The substring tests spare almost every text the patterns."""
    lowered = text.lower() if " " in text or ":" in text or "\t" in text else ""
    # The order matters to cleansing twice: what one pattern masks must not change what an earlier one finds.
    if "authorization" in lowered:
        text = _mask_headers(text)
    if "eyJ" in text:
        text = _DOTTED.sub(_mask_tokens, text)
    if "://" in text and "@" in text:
        text = _USERINFO.sub(_mask_user, text)
    if "%3" in text:
        text = _ENCODED_PARAMETER.sub(_parameter_mask(secrets), text)
    if "=" in text:
        text = _PARAMETER.sub(_parameter_mask(secrets), text)
    if "bearer" in lowered or "basic" in lowered:
        lone = _LONE_CREDENTIALS.fullmatch(text)
        text = f"{lone[1]}{MASK}{lone[2]}" if lone else _CREDENTIALS.sub(_mask_credentials, text)
    return text


def _mask_tokens(run: re.Match[str]) -> str:
    segments = run[0]
    start = segments.find("eyJ")
    if start < 0 or segments.count(".", start) < 2:
        return segments
    return segments[:start] + MASK


def _mask_user(userinfo: re.Match[str]) -> str:
    user, colon, password = userinfo[1].partition(":")
    if password == "x-oauth-basic":  # noqa: S105 - GitHub's way to put a token in the user's place
        user = MASK
    if password:
        return f"://{user}:{MASK}@"
    scheme = _SCHEME_BEFORE.search(userinfo.string, max(userinfo.start() - 31, 0), userinfo.start())
    if not user or (scheme and scheme[0].lower() in _NAMED_USERS):
        return userinfo[0]
    return f"://{MASK}{colon}@"


def _parameter_mask(secrets: Secrets) -> Callable[[re.Match[str]], str]:
    def mask(parameter: re.Match[str]) -> str:
        name, value = parameter[1], parameter[2]
        if not value or not secrets.is_secret_key(_percent_decoded(name)):
            return parameter[0]
        return parameter[0][: -len(value)] + MASK

    return mask


_ENCODED_CHARACTER = re.compile("%([0-9A-Fa-f]{2})")


def _percent_decoded(name: str) -> str:
    if "%" not in name:
        return name
    return _ENCODED_CHARACTER.sub(lambda encoded: chr(int(encoded[1], 16)), name)


def _mask_headers(text: str) -> str:
    parts: list[str] = []
    done = 0
    while header := _HEADER.search(text, done):
        start = header.end()
        quote = header["opening"] or text[max(header.start() - 1, 0) : header.start()]
        ending = _HEADER_VALUES.get(quote[:1], _HEADER_VALUES[""])
        value = ending.match(text, start)
        end = value.end() if value else start
        scheme = _SCHEME.match(text, start, end)
        parts += [text[done : scheme.end() if scheme else start], MASK if end > start else ""]
        done = end
    return "".join(parts) + text[done:]


def _mask_credentials(credentials: re.Match[str]) -> str:
    scheme, token = credentials["scheme"], credentials["token"]
    if scheme.lower() == "basic" and not _is_user_and_password(token):
        return credentials[0]
    return credentials[0][: -len(token)] + MASK


def _is_user_and_password(token: str) -> bool:
    """Whether the token is base64 of "user:password" (RFC 7617, section 2), and not prose after "basic"."""
    digits = token.rstrip("=")
    try:
        return _BASE64.fullmatch(digits) is not None and b":" in a2b_base64(digits + "=" * (-len(digits) % 4))
    except Base64Error:
        return False
