# Made by `make shared` from layers/core/tocsin/events/credentials.py: change that.
"""Credentials that show themselves in a text, whatever stands around them. What is masked is the credential alone:

- the password in ``scheme://user:password@host``, and a lone token as in ``https://ghp_123@host``;
- ``Authorization: …``, ``Cookie: …`` and ``Set-Cookie: …`` to the end of the line, and ``Bearer …`` and ``Basic …``
  wherever they stand;
- JSON Web Tokens, private keys in PEM, and the tokens of well-known services, by what they begin with: AWS, GitHub,
  GitLab, Slack, Stripe, Google, SendGrid, npm, Vault, Tocsin itself, …;
- addresses that are a secret as a whole: webhooks of chats;
- parameters of queries and fragments with a secret name, also those of an address inside a parameter.
"""

from tocsin_client._shared import regex as re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TypeAlias

from tocsin_client._shared.secret_names import BARE_VALUE, CLOSERS, MASK, Secrets, listed

# Each pattern takes time linear in the text, whatever it holds: it starts only where no other attempt at it
# can have begun within what it scans (behind a separator, or not behind its own characters), its runs are
# possessive where they could be tried in several ways, and its lookaheads are bounded.

_DOTTED = re.compile(r"(?<![\w.-])(?<!\*{20})[\w-]++(?:\.[\w-]*+)++", re.ASCII)
"""A whole run of base64url segments, in which a token may begin anywhere: RFC 7515, section 3.1."""

_USERINFO = re.compile(r"""(:(?:\\{0,31}+/){2})([^/?#\s"'<>\\]*)@""")
"""RFC 3986, section 3.2.1; up to the last @, as many a password with an @ is not percent-encoded. PHP escapes each / in
JSON."""

_USERINFO_NOT_ENCODED = re.compile(
    r"""(?P<slashes>:(?:\\{0,31}+/){2})(?P<user>[^/?#\s"'<>\\:@\[]*+):(?!\d{1,5}+\\{0,31}+[/?#])(?P<password>(?:(?!://)[^\s"<>\\@])++)@(?=[\w\[])"""
)
"""The same with a password that has a / ? # or ' as it is; digits up to such a one are a port."""

_USERINFO_WITHOUT_SCHEME = re.compile(
    r"""(?<![^\s"'=(,])(?:((?:\\{0,31}+/){2}[^/?#\s"'<>\\:@]{1,128}+:)[^/?#\s"'<>\\@]{1,256}+(?=@[\w\[])
    |([\w.%+-]{1,128}+:)[^\s"'<>]{1,256}?(?=@(?:tcp[46]?|udp|unix|cloudsql)\())""",
    re.VERBOSE,
)
"""The same in a link that takes the scheme of its page (//user:password@host), and in what Go's drivers are given
(user:password@tcp(host:port)/name)."""

_ENCODED_USERINFO = re.compile(
    r"""(%(?:25)*+3[Aa](?:%(?:25)*+2[Ff]){2}(?:(?!%(?:25)*+(?:2[Ff]|3[AaFf]|2[36]|40))[^\s&"'<>])*+%(?:25)*+3[Aa])
    (?:(?!%(?:25)*+(?:2[Ff]|3[Ff]|2[36]))[^\s&"'<>])+(?=%(?:25)*+40)""",
    re.VERBOSE,
)
"""The same within a parameter, percent-encoded."""

_PARAMETER = re.compile(rf"""(?:^|(?<=[?&#;]))([^\s?&#;=<>\"'/*]{{1,128}}+)=({BARE_VALUE})""")
_ENCODED_PARAMETER = re.compile(
    r"""(?: %(?:25)*+(?:26|23|3[Ff]) | \A | (?<=[=?&\s"']) ) ([\w.-]{1,128}+) %(?:25)*+3[Dd]
    ((?:(?!%(?:25)*+(?:26|23|3[Ff]))[^\s&#<>"'])++)""",
    re.ASCII | re.VERBOSE,
)
_SHORT_CODE = 4
"""As many characters has a `code` that is a country, a language or a status, and none that OAuth gives out."""

_HEADER = re.compile(
    r"""
    (?: (?:proxy-)?authorization | (?:set-)?cookie (?=(?:\\*["'])?[ \t]*+:[ \t]*+(?:\\*["'])?[\w.$-]{1,128}+=) )
    (?:\\*["'])?[ \t]*+:[ \t]*+ (?P<opening>\\*["'])?
    """,
    re.IGNORECASE | re.VERBOSE,
)
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
            |  basic[ \t]++ (?![a-z]{1,15}\s*\Z|realm=) ) )
    (?!\S*\*{20}) \S++ (\s*+)  # what other patterns have masked in part is left to them
    """,
    re.VERBOSE | re.IGNORECASE,
)

_BASE64 = re.compile("[A-Za-z0-9+/]*=*")

_NAMED_USERS = listed(
    "ftp ftps git git+ssh mariadb mongodb mongodb+srv mysql postgres postgresql rsync sftp smb ssh svn+ssh"
)
"""Schemes in which a user without a password is a name ("ssh://git@…"). Elsewhere it is mostly a token."""

_SCHEME_BEFORE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}\Z")


_BEGUN = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_TOKENS = (
    # What is looked for first: behind a character that the search finds at once; a set of several takes it five times
    # as long. Then what a text must have in it, and the pattern.
    (
        "_",
        re.compile(
            r"_(?:(?<=gh[opsru]_)|(?<=_pat_)|(?<=_live_|_test_)|(?<=npm_|_v1_)|(?<=whsec_)|(?<=whsk_|glsa_)|(?<=tocsin_)"
            r"|(?<=hf_)|(?<=shp[acs][tas]_)|(?<=(?:_api|_tkn|figd)_)|(?<=(?:gsk|ntn)_)|(?<=rubygems_)|(?<=sntry[su]_))"
        ),
        {
            "gh": r"(gh[opsru]_)[A-Za-z0-9]{8,}",
            "github_pat_": r"(github_pat_)\w{8,}",
            "k_live_": _BEGUN + r"([rs]k_live_)[A-Za-z0-9]{8,}",  # Stripe
            "k_test_": _BEGUN + r"([rs]k_test_)[A-Za-z0-9]{8,}",
            "npm_": r"(npm_)[A-Za-z0-9]{16,}",
            "whs": r"(whsec_|whsk_)[A-Za-z0-9+/]{16,}=*",  # Standard Webhooks
            "tocsin_": r"(tocsin_[0-9a-f]{8,32}_)[\w-]{16,}",
            "dckr_pat_": r"(dckr_pat_)[\w-]{16,}",  # Docker
            "hf_": _BEGUN + r"(hf_)[A-Za-z0-9]{30,}",  # Hugging Face
            "shp": r"(shp(?:at|ca|pa|ss)_)[A-Fa-f0-9]{32,}",  # Shopify
            "_v1_": r"(do[opr]_v1_)[a-f0-9]{32,}",  # DigitalOcean
            "glsa_": r"(glsa_)\w{32,}",  # Grafana
            "lin_api_": r"(lin_api_)[A-Za-z0-9]{32,}",  # Linear
            "pscale_tkn_": r"(pscale_tkn_)[\w.-]{32,}",  # PlanetScale
            "figd_": r"(figd_)[\w-]{32,}",  # Figma
            "gsk_": _BEGUN + r"(gsk_)[A-Za-z0-9]{40,}",  # Groq
            "ntn_": _BEGUN + r"(ntn_)[A-Za-z0-9]{32,}",  # Notion
            "rubygems_": r"(rubygems_)[a-f0-9]{40,}",
            "sntry": r"(sntry[su]_)[\w+/=-]{32,}",  # Sentry
        },
    ),
    (
        "-",
        re.compile(
            r"-(?:(?<=xox[abcdeoprs]-|xapp-|pypi-|NRAK-)|(?<=sk-)|(?<=gl[a-z]{2}-)|(?<=gl[a-z]{3}-)"
            r"|(?<=gl[a-z]{4}-|GOCSPX-)|(?<=glagent-)|(?<=HRKU-|PMAK-)|(?<=sq0[a-z]{3}-)|(?<=tskey-))"
        ),
        {
            "gl": r"(gl(?:pat|ptt|cbt|imt|oas|dt|ft|rt|soat|ffct|agent)-)[\w.-]{8,}",  # GitLab
            "xox": r"(xox[abcdeoprs]-)[\w.%-]{8,}",  # Slack; a browser's cookie is percent-encoded
            "xapp-": r"(xapp-)[\w-]{8,}",
            "sk-": _BEGUN
            + r"(sk-(?:(?:ant|proj|svcacct|admin)-(?=[\w-]{16})|(?=[A-Za-z0-9]{32})))[\w-]+",  # Anthropic, OpenAI
            "GOCSPX-": r"(GOCSPX-)[\w-]{16,}",  # Google
            "pypi-": r"(pypi-)[\w-]{32,}",
            "NRAK-": r"(NRAK-)[A-Z0-9]{16,}",  # New Relic
            "HRKU-": r"(HRKU-)[\w-]{32,}",  # Heroku
            "PMAK-": r"(PMAK-)[\w-]{32,}",  # Postman
            "sq0": r"(sq0[a-z]{3}-)[\w-]{20,}",  # Square
            "tskey-": r"(tskey-[a-z]{3,10}-)[\w-]{16,}",  # Tailscale
        },
    ),
    (
        "A",
        re.compile(r"A(?:[BKS]IA|Iza|GE-SEC|TATT3)"),
        {
            "IA": r"(?<![A-Z0-9])(A[BKS]IA)[A-Z0-9]{16,}",  # AWS
            "AIza": r"(AIza)[\w-]{20,}",  # Google
            "ATATT3": r"(ATATT3)[\w=-]{20,}",  # Atlassian
            "AGE-SEC": r"(AGE-SECRET-KEY-1)[A-Z0-9]{20,}",
        },
    ),
    (
        "dapi",
        re.compile(r"dapi[a-f0-9]{32}"),
        {"dapi": _BEGUN + r"(dapi)[a-f0-9]{32}(?:-\d)?"},  # Databricks
    ),
    (
        "1//0",
        re.compile(r"1//0[\w-]{32}"),
        {"1//0": _BEGUN + r"(1//0)[\w-]{32,}"},  # Google: refresh tokens
    ),
    (
        ":AA",
        re.compile(r"(?<=\d{8}):AA"),
        {":AA": _BEGUN + r"(\d{8,10}:AA)[\w-]{33}(?![\w-])"},  # Telegram
    ),
    (
        "~",
        re.compile(r"(?<=\dQ)~"),
        {"Q~": _BEGUN + r"([\w~.-]{3}\dQ~)[\w~.-]{31,34}(?![\w~.-])"},  # Microsoft Entra
    ),
    (
        ".",
        re.compile(r"\.(?:(?<=SG\.)|(?<=hv[bs]\.)|(?<=ya29\.)|(?<=dp\.pt\.)|(?<=dt0[a-z]\d\d\.)|(?<=atlasv1\.))"),
        {
            "SG.": r"(SG\.)[\w-]{8,}\.[\w-]{8,}",  # SendGrid
            "hv": r"(hv[bs]\.)[\w-]{16,}",  # Vault: batch tokens, service tokens
            "ya29.": r"(ya29\.)[\w-]{16,}",  # Google
            "dp.pt.": _BEGUN + r"(dp\.pt\.)[A-Za-z0-9]{32,}",  # Doppler
            "dt0": _BEGUN + r"(dt0[a-z]\d\d\.)[A-Z0-9]{24}\.[A-Z0-9]{60,}",  # Dynatrace
            "atlasv1.": r"([A-Za-z0-9]{14}\.atlasv1\.)[\w=-]{32,}",  # Terraform Cloud
        },
    ),
)
"""Tokens by what they begin with, as their makers document it so that scanners find them. The beginning stays readable,
which tells whose token it was."""

_SECRET_ADDRESS = re.compile(
    r"""
    ( (?: hooks\.slack(?:-gov)?\.com SLASH (?:services|workflows|triggers)
        | discord(?:app)?\.com SLASH api (?:SLASH v\d{1,3})? SLASH webhooks
        | webhook\.office\.com SLASH webhookb2 | outlook\.office(?:365)?\.com SLASH webhook
        | hooks\.zapier\.com SLASH hooks SLASH catch
      ) SLASH
    | api\.telegram\.org SLASH bot
    | SLASH hooks SLASH (?=[a-z0-9]{17,})                        # Mattermost, Rocket.Chat
    ) (?:[^\s"'<>?\#&|,)\]\\]|\\++/)++
    """.replace("SLASH", r"(?:\\{0,31}+/|%2F)"),
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
"""Addresses of webhooks that nothing but their path protects."""

_PRIVATE_KEY = re.compile(
    r"(?P<dashes>-{4,5}) ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?(?P=dashes)|\bPrivate-Lines: \d++"
)
_PRIVATE_KEY_ENDS = re.compile(r"-{4,5} ?END |Private-MAC:")


Mask: TypeAlias = tuple[str, Callable[[str], str]]
"""What a text must have in it to be changed, and what changes it. All masks of a text are applied, in their order."""


def credential_masks(texts: str, lowered: str, secrets: Secrets) -> list[Mask]:
    """The masks that may find something in one of the texts, which are given all in one, also in lower case."""
    # The order matters to cleansing twice: what one mask does must not change what an earlier one finds.
    masks: list[Mask] = []
    if "PRIVATE KEY" in texts or "Private-Lines" in texts:
        masks.append(("-", _mask_private_keys))
    if "authorization" in lowered or "cookie" in lowered:
        masks.append((":", _mask_headers))
    if "eyJ" in texts:
        masks.append(("eyJ", partial(_DOTTED.sub, _mask_dotted)))
    for character, begins, _ in _TOKENS:
        if character in texts and begins.search(texts):
            masks += _token_masks(character)
    if "hooks" in lowered or "webhook" in lowered or "api.telegram" in lowered:
        masks.append((".", partial(_SECRET_ADDRESS.sub, rf"\g<1>{MASK}")))
    if "@" in texts and ("://" in texts or ":\\" in texts):
        masks.append(("@", _mask_users))
    if "@" in texts and ("//" in texts or "\\/" in texts or "(" in texts):
        masks.append(("@", partial(_USERINFO_WITHOUT_SCHEME.sub, _mask_without_scheme)))
    if "%" in texts and "40" in texts:
        masks.append(("%", partial(_ENCODED_USERINFO.sub, rf"\g<1>{MASK}")))
    if "%" in texts:
        masks.append(("%", partial(_ENCODED_PARAMETER.sub, _parameter_mask(secrets))))
    if "=" in texts:
        masks.append(("=", partial(_PARAMETER.sub, _parameter_mask(secrets))))
    if "bearer" in lowered or "basic" in lowered:
        masks.append(("", _mask_schemes))
    return masks


@lru_cache
def _token_masks(character: str) -> tuple[Mask, ...]:
    """The masks of the tokens that have the character; made when the first one comes, as most functions see none."""
    rows = next(rows for each, _, rows in _TOKENS if each == character)
    return tuple(
        (needle, partial(re.compile(pattern, re.ASCII).sub, rf"\g<1>{MASK}")) for needle, pattern in rows.items()
    )


def _mask_users(text: str) -> str:
    return _USERINFO_NOT_ENCODED.sub(_mask_password, _USERINFO.sub(_mask_user, text))


def _mask_without_scheme(login: re.Match[str]) -> str:
    return f"{login[1] or login[2]}{MASK}"


def _mask_schemes(text: str) -> str:
    lone = _LONE_CREDENTIALS.fullmatch(text)
    return f"{lone[1]}{MASK}{lone[2]}" if lone else _CREDENTIALS.sub(_mask_scheme, text)


def _mask_private_keys(text: str) -> str:
    parts: list[str] = []
    done = 0
    while begin := _PRIVATE_KEY.search(text, done):
        end = _PRIVATE_KEY_ENDS.search(text, begin.end())
        parts += [text[done : begin.end()], MASK]
        done = end.start() if end else len(text)
    return "".join(parts) + text[done:]


def _mask_dotted(run: re.Match[str]) -> str:
    segments = run[0]
    start = segments.find("eyJ")
    if start < 0 or segments.count(".", start) < 2:
        return segments
    return segments[:start] + MASK


def _mask_user(userinfo: re.Match[str]) -> str:
    slashes = userinfo[1]
    user, colon, password = userinfo[2].partition(":")
    if password == "x-oauth-basic":  # noqa: S105 - GitHub's way to put a token in the user's place
        user = MASK
    if password:
        return f"{slashes}{user}:{MASK}@"
    scheme = _SCHEME_BEFORE.search(userinfo.string, max(userinfo.start() - 31, 0), userinfo.start())
    if not user or (scheme and scheme[0].lower() in _NAMED_USERS):
        return userinfo[0]
    return f"{slashes}{MASK}{colon}@"


def _mask_password(userinfo: re.Match[str]) -> str:
    if userinfo["password"] == MASK:
        return userinfo[0]
    return f"{userinfo['slashes']}{userinfo['user']}:{MASK}@"


def _parameter_mask(secrets: Secrets) -> Callable[[re.Match[str]], str]:
    def mask(parameter: re.Match[str]) -> str:
        name, value = _percent_decoded(parameter[1]), parameter[2].rstrip(CLOSERS)
        is_part = value[:1] in {"[", "{"} or value[-1:] == "("
        if is_part or _SCHEME.match(parameter.string, parameter.start(2)):
            return parameter[0]  # "[…", "Some(…", "Bearer …", which is not all of it: tocsin.events.assignments
        is_named = parameter.start(1) > 0 or "&state=" in parameter.string  # not "code=…" alone
        if not secrets.hides_text(name, value) and not (name == "code" and is_named and is_code(value)):
            return parameter[0]
        start = parameter.start(2) - parameter.start()
        return parameter[0][:start] + MASK + parameter[0][start + len(value) :]

    return mask


def is_code(value: str) -> bool:
    """Whether a parameter `code` of the value is an authorization code (RFC 6749, section 4.1.2)."""
    return len(value) > _SHORT_CODE


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


def _mask_scheme(credentials: re.Match[str]) -> str:
    scheme, token = credentials["scheme"], credentials["token"]
    if scheme.lower() == "basic" and not _is_user_and_password(token):
        return credentials[0]
    return credentials[0][: -len(token)] + MASK


def _is_user_and_password(token: str) -> bool:
    """Whether the token is base64 of "user:password" (RFC 7617, section 2), and not prose after "basic"."""
    try:  # padding that is left out is added; more than is needed does no harm
        return _BASE64.fullmatch(token) is not None and b":" in a2b_base64(token + "==")
    except Base64Error:
        return False
