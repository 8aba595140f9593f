# Made by `make shared` from layers/core/tocsin/events/secret_names.py: change that.
"""Which names name a secret: keys of objects, parameters, headers, variables, options.

A name is split into words at case changes, digits and everything that is no letter, and is secret if one of its words
is. It is read as people read it: letters that look like Latin ones (NFKC, Cyrillic, Greek) and digits that stand for
letters ("passw0rd") count as those.
"""

from tocsin_client._shared import regex as re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from dataclasses import dataclass, field
from tocsin_client._shared.types import Json

MASK = "*" * 20
"""What stands where a secret was. Its length is always the same, so that it does not tell the secret's."""

NAME_CHARACTER = r"[\w.$@\[\]-]"
NAME = rf"{NAME_CHARACTER}{{1,128}}+"
"""A name in a text, as a pattern."""
BARE_VALUE = rf"""(?:[^\s,;&"'`<>\\?#]|[,;?#](?![\s"'\\]|\Z|{NAME}["']?[ \t]*[:=])|(?<=\w)'(?=\w)|\\(?!["'`nrt]))++"""
"""A value in a text that has no quotes around it, as a pattern."""
QUOTE = r"""(?:\\{1,31}+(?:u002[27]|x2[27])|\\{0,31}+(?:"{3}|'{3}|["'`])|&quot;|&\#(?:3[49]|x2[27]);|%22|%27)"""
"""A quote in a text, as a pattern: as it is, escaped, or as .NET (``\\u0022``), nginx (``\\x22``), HTML and addresses
spell it."""
_BACKSLASHES = {quote: re.compile(rf"(?<!\\)\\*+{quote}") for quote in ('"', "'", "`", "u0022", "u0027", "x22", "x27")}
OPENING = re.compile(
    r"(?:\s*+(?:[bBuUrRfFN]{0,2}|[$@]|<<|string\(\d{1,9}\)[ ]|[A-Za-z_][\w.:]{0,31}\()"
    rf"(?P<quote>{QUOTE}))|[ \t]*+"
)
"""What stands before a value: blanks, the quote that it is in, with a prefix, a type or a call of one argument."""
TYPED = re.compile(
    r"[ \t]*+(?:&(?:'static[ ])?)?(?:Optional\[)?(?:str|Str|string|String|SecretStr|bytes|any|Any)\]?\??"
    r"(?:[ ]?\|[ ]?(?:None|null|undefined|str|string)){0,3}[ ]=(?=[ ])"
)
"""What stands between a name and its value in code: ``password: str = "…"``."""
CLOSERS = ",;.)}]>|"
"""What ends a value that has no quotes around it, rather than being its last characters."""


def listed(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


_SECRET_WORDS = listed("""
    api auth token key secret signature sig cookie credential cred
    pass password passwd passphrase passcode passkey storepass pwd pw pswd psk
    passwort kennwort contrasena senha mdp
    otp totp hotp jwt csrf xsrf session phpsessid private bearer
""")

_COMPANIONS = listed("""
    access account admin app application aws azure backup bind bot client cluster code database db deploy device email
    encryption ftp github gitlab google hash header hmac host http https id ids imap j kafka keystore ldap login mail
    mariadb master middleware mongo mongodb mssql my mysql new oauth old openid oracle pg php postgres postgresql proxy
    public rabbitmq redis refresh registry request root service shared sign signing slack smtp sql ssh sso storage
    stripe sudo svc temp truststore user value verification vnc vpn web webhook wifi x
""")
"""What people write together with a secret word: "xapikey", "accesskeyid", "jsessionid". A word is taken
apart only if nothing is left over, so that "monkey", "author", "compass" and "tokenizer" stay words."""

_SECRET_LAST = listed("""
    pin pins pincode pincodes cvv cvc cvn samlresponse samlassertion
    recoverycode recoverycodes backupcode backupcodes scratchcode scratchcodes securitycode oobcode oobcodes
""")
"""A word, or two, that name a secret where a name ends in them: "card_pin", "SAMLResponse", "mfa_recovery_codes".
An "oobCode" is Firebase's: who has one may set a password, or is signed in."""

_STEMS = re.compile(
    r"password(?!less)|passwd|passphrase|passwort|kennwort|contrasena|(?:api|secret|access|private)_?key(?:s|id)?\Z|(?:secret|token|credential)s?\Z"
)
"""What makes a word secret whatever it is written together with: no other word holds it, or ends so."""

_DIGITS_AS_LETTERS = re.compile(
    r"""
    p[a4@][s5$]{2}(?:w[o0]?r?d|phr[a4@][s5$][e3]|c[o0]d[e3]|(?![^\W\d_])) | s[e3]cr[e3]t | t[o0]k[e3]n
    | cr[e3]d[e3]nt[i1!][a4@][l1]
    """,
    re.VERBOSE,
)
_A_DIGIT = re.compile(r"[\d@$!]")

_LOOK_ALIKES = str.maketrans(
    "\u0131\u0251\u0261\u0269"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03b1\u03b5\u03b9"
    "\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03c9\u03f2\u03f3"
    "\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0430\u0432"
    "\u0435\u043a\u043c\u043d\u043e\u043f\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u0474\u0475\u04bb"
    "\u04cf\u0501\u051b\u051c\u051d",
    "iagiABEZHIKMNOPTYXaeikvoptuxwcjSIJABEKMHOPCTYXabekmhonpctyxsijVvhldqWw",
)
"""Letters that are read as Latin ones, of those in Unicode's confusables.txt: the Greek, the Cyrillic, four more."""

_READABLE = listed("""
    passing password_change_date auth_method auth_method_args
    public_key api_version token_type
    session_context session_issuer session_duration
    private_ip private_ip_address private_dns_name
""")
"""Keys that stay readable although a word of theirs is secret. The first line is authentik's. The others
can't hold a secret, by what they mean in the standards and logs that use them, and are what investigations
look for: a key that is public, the version of an API, the kind of a token ("Bearer"), who began a CloudTrail
session and for how long (in there, each key is still looked at by itself), and addresses in a network."""

_MEASURES = listed("""
    age bits bytes count counts days duration expiry hours length len limit limits max min minutes ms policy quota
    rate remaining retries seconds size timeout total ttl usage used version attempts failures
""")
_MEASURES_FIRST = listed("count max maximum min minimum num number total")
"""Words that make a number one that counts: the last of `token_count`, the first of `max_tokens`."""

_HINTS = (
    *("pass", "key", "tok", "sec", "auth", "api", "cook", "sess", "cred", "sig", "pw", "priv", "otp", "jwt", "srf"),
    *("bear", "psw", "ssw", "s5w", "5sw", "55w", "$$w", "p4s", "pa5", "p@s", "p@$", "t0k", "s3c", "cr3", "d3n", "nti1"),
    *("psk", "kennw", "contrase", "senha", "mdp", "pin", "cvv", "cvc", "cvn", "saml", "recov", "backup", "scratch"),
    "oob",
)
"""Each secret key in ASCII has one of these in it: what has none is spared the rest."""

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
_LITERAL = re.compile(r"(?:true|false|null|none|nil|undefined)\Z", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d++(?:\.\d++)?+\Z", re.ASCII)
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

    def may_be_in(self, lowered: str) -> bool:
        """Whether a secret key may be in the text, given in lower case."""
        return bool(self._masked) or not lowered.isascii() or any(map(lowered.__contains__, _HINTS))

    def counts(self, key: str) -> bool:
        """Whether a number under the secret key is a count or a measure and no secret: `token_count`, `max_tokens`."""
        words = [word.lower() for word in _WORD.findall(key)]
        if not words or self.is_own(key):
            return False
        if len(words) > 1 and (words[0] in _MEASURES_FIRST or words[-1] == "tokens"):
            return True  # of "tokens": what language models count by, as in `completion_tokens`
        return words[-1] in _MEASURES

    def is_own(self, key: str) -> bool:
        """Whether the settings add the key."""
        return "".join(_words(key)) in self._masked

    def hides(self, key: str, value: Json) -> bool:
        """Whether the value under the secret key is to be masked.

        No boolean, null, number that counts, nor reference to an object (or list of those) is.
        """
        if value is None or isinstance(value, bool):  # a boolean is a number too
            return False
        if isinstance(value, (int, float)):
            return not self.counts(key)
        if isinstance(value, list):
            return not value or not all(map(is_reference, value))
        return not is_reference(value)

    def hides_text(self, name: str, value: str) -> bool:
        """Whether the name in a text is secret and what stands for its value there is to be masked."""
        if not value or not self.is_secret_key(name) or _LITERAL.match(value):
            return False
        return _NUMBER.match(value) is None or not self.counts(name)

    def _find_out(self, key: str) -> bool:
        if not self.may_be_in(key.lower()):
            return False
        found = self._is_secret(key)
        if found is None:
            read = read_as_latin(key)
            found = self._is_secret(read) if read != key else None
            if found is None:
                spelt = _DIGITS_AS_LETTERS.finditer(read.lower())
                found = any(_A_DIGIT.search(word[0]) is not None for word in spelt)
        return found

    def _is_secret(self, key: str) -> bool | None:
        """None where nothing speaks for it; False where something speaks against it."""
        words = _words(key)
        whole = "".join(words)
        if whole in self._masked:
            return True
        if whole in self._readable:
            return False
        if not _SECRET_WORDS.isdisjoint(words) or any(map(_is_compound, _LETTERS.findall(key.lower()))):
            return True
        if _AUTHORIZATION_NAME.search(" ".join(words)):
            return True
        last = [word for word in words if not word.isdigit()][-2:]
        return True if last and not _SECRET_LAST.isdisjoint((last[-1], "".join(last))) else None


def is_reference(value: Json) -> bool:
    """Whether the value tells which object is meant, and nothing of what is in it: {app, model_name, pk, name}."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("app"), str)
        and isinstance(value.get("model_name"), str)
        and value.keys() <= {"app", "model_name", "pk", "name"}
        and not any(isinstance(part, (dict, list)) for part in value.values())
    )


@lru_cache(maxsize=1024)
def words_of(name: str) -> tuple[str, ...]:
    """The name's words in lower case, without numbers, look-alikes read as Latin, those for secrets in the singular."""
    return tuple(word for word in _words(read_as_latin(name)) if not word.isdigit())


def _words(key: str) -> list[str]:
    """The key's words in lower case, those that name secrets in the singular."""
    words = [word.lower() for word in _WORD.findall(key)]
    return [_PLURALS.get(word, word) for word in words]


def _normal_forms(keys: Iterable[str]) -> frozenset[str]:
    return frozenset("".join(_words(key)) for key in keys) - {""}


def read_as_latin(key: str) -> str:
    """The key as it is read: compatible and accented letters plain, look-alikes Latin, what can't be seen gone."""
    if key.isascii():
        return key
    decomposed = unicodedata.normalize("NFKD", key)
    seen = "".join(letter for letter in decomposed if unicodedata.category(letter) not in {"Mn", "Cf"})
    return seen.translate(_LOOK_ALIKES)


def _is_compound(word: str) -> bool:
    """Whether the word, in lower case, has a secret word in it that is no accident.

    It has a stem that stands in no other word, or is made up of the vocabulary alone.
    """
    if _STEMS.search(word):
        return True
    if len(word) > _LONGEST_COMPOUND:
        return False
    reached = {0: False}  # where a part may begin, and whether a secret word came before
    for start in range(len(word)):
        if start in reached:
            for end in range(start + 1, min(start + _LONGEST_PART, len(word)) + 1):
                part = word[start:end]
                if part in _VOCABULARY:
                    secret = reached[start] or part not in _COMPANIONS
                    reached[end] = reached.get(end) or secret
    return reached.get(len(word), False)


def end_of_quoted(text: str, at: int, quote: str) -> int | None:
    """Where the string ends that `quote` has begun: at one that is as deeply escaped. On its line, if quoted once."""
    bare = quote.lstrip("\\")
    if bare not in _BACKSLASHES:
        end = text.find(quote, at)
        return None if end < 0 else end
    depth = len(quote) - len(bare)
    for run in _BACKSLASHES[bare].finditer(text, at):
        if (len(run[0]) - len(bare)) % (2 * depth + 2) == depth:
            return None if "\n" in run.string[at : run.start()] else run.end() - len(quote)
    return None
