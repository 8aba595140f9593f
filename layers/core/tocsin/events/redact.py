"""Masking of secrets in JSON, before an event is stored.

A value is masked whole when its key names a secret (`Secrets`), also where name and value are apart: in lists of pairs,
in objects with a name and a value, in lists of arguments. Not masked are booleans, nulls, numbers that count, and
references: objects that tell which object is meant, with no keys but app, model_name, pk and name.

In every other string, what looks like a credential is masked where it stands and the rest stays readable: what shows
itself (`tocsin.events.credentials`, `tocsin.events.links`), and what has a secret name (`tocsin.events.assignments`,
`tocsin.events.markup`). Objects that are written in a text are looked at as those that come as such
(`tocsin.events.written_objects`).
"""

import re
from functools import partial
from itertools import groupby, pairwise
from operator import itemgetter

from tocsin.events.assignments import mask_assignments, may_name_secrets
from tocsin.events.commands import mask_arguments, mask_netrc, mask_oracle, mask_programs, may_be_of_programs
from tocsin.events.credentials import Mask, credential_masks, is_code
from tocsin.events.markup import mask_forms, mask_markup
from tocsin.events.secret_names import MASK, Secrets, listed
from tocsin.types import Json, JsonObject

__all__ = ["MASK", "Secrets", "cleanse"]

_DEFAULT_SECRETS = Secrets()

_NAMES = listed("""
    name Name NAME key Key k field Field header Header variable param parameter property attribute setting label title
    parameterKey ParameterKey parameter_key parameterName ParameterName parameter_name optionName OptionName option_name
    variableName VariableName variable_name propertyName PropertyName property_name attributeName AttributeName
    attribute_name settingName SettingName setting_name headerName HeaderName header_name envName env_name
    displayName DisplayName fieldName FieldName field_name @Name @name
""")
_CHANGED = listed("""
    field Field fieldName FieldName field_name attribute attributeName attribute_name property column columnName
    column_name
""")
_PASSWORDS = listed("type id")
"""Names that say which field was changed, and those of passwords alone: much else has a type and an id."""
_VALUES = listed("""
    value Value VALUE values val v new_value newValue old_value oldValue default_value defaultValue stringValue
    parameterValue ParameterValue parameter_value optionValue OptionValue option_value variableValue VariableValue
    variable_value propertyValue PropertyValue property_value attributeValue AttributeValue attribute_value
    settingValue SettingValue setting_value headerValue HeaderValue header_value envValue env_value
    fieldValue FieldValue field_value
    NewValue OldValue multiValue multi_value #text
""")
_CHANGES = listed("old new before after from to Old New Before After From To previous current from_value to_value")
_HOLDING = _VALUES | _CHANGES
_SAYING = _NAMES | _CHANGED | _PASSWORDS | {"path"}
"""What an object says beside a value, as `_without_value` looks for it."""
_WRITTEN = re.compile(
    r"""["'](?P<key>[\w@]{2,20}+)\\{0,31}+["']\s*+(?::|=>)\s*+\\{0,31}+["'](?P<name>[^"'\\]{1,128}+)""", re.ASCII
)
"""A name of an object that is written in a text, and what a string says there."""
_FLAT = listed("rawHeaders raw_headers rawTrailers raw_trailers")
"""Lists in which names and values alternate: https://nodejs.org/api/http.html#messagerawheaders"""
_QUERIES = listed("""
    args query params query_params queryParams query_string queryString queryStringParameters GET
    multiValueQueryStringParameters""")
_KINDS = ("Secret", "SecretList")
_DATA = ("data", "stringData")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LONGEST_NAME = 128
_MOST_ROUNDS = 5
_ENDS_OF_LINKS = sorted(
    end[::-1]
    for end in listed("""
        reset resets password passwort passwordless recover recovery unlock -account _account eaccount kaccount laccount
        maccount yaccount email mail-login mail_login mail/login magic magiclink magic-link magic_link magic-links
        login-link login_link word/new word/set word/change word/choose word/create password-change password_change
        verify verification confirm confirmation activate activation validate validation invite invites invitation
        invitations
    """)
)
_LINKS = re.compile(
    "/(?:"
    + "|".join(
        f"{last}(?:{'|'.join(end[1:] for end in ends)})" for last, ends in groupby(_ENDS_OF_LINKS, itemgetter(0))
    )
    + ")"
)
"""How segments of a path end that say what a link is for, to be looked for in a text in lower case and read from its
end: there a search for the slash leads to them."""


def cleanse(value: Json, secrets: Secrets = _DEFAULT_SECRETS) -> Json:  # noqa: PLR0912 - one loop, for its speed
    """A copy of the value in which secrets are masked with `MASK`; structure and keys stay as they are.

    The value under a secret key is masked whole, also where it is empty (`Secrets.hides`). Never raises,
    at whatever depth, and cleansing twice is cleansing once.

    What came in as JSON is best cleansed first and sanitized then: no cut can hide a secret from its
    pattern, and the limit on size holds, although a mask may be longer than what it covers.
    """
    root: JsonObject = {}
    objects: list[tuple[JsonObject, JsonObject]] = [({"": value}, root)]
    arrays: list[tuple[list[Json], list[Json]]] = []
    in_objects: list[tuple[JsonObject, str, str]] = []  # the texts, and where they stand in the copy
    in_arrays: list[tuple[list[Json], int, str]] = []

    def empty_copy(item: JsonObject | list[Json]) -> Json:
        if isinstance(item, dict):
            objects.append((item, {}))
            return objects[-1][1]
        arrays.append((item, []))
        return arrays[-1][1]

    while objects or arrays:
        while objects:
            given, made = objects.pop()
            if not _HOLDING.isdisjoint(given):
                given = _without_value(given, secrets)
            if given.get("kind") in _KINDS:
                given = _without_data(given)
            for key, item in given.items():
                if secrets.is_secret_key(key) and secrets.hides(key, item):
                    made[key] = MASK
                elif isinstance(item, str):
                    made[key] = item
                    in_objects.append((made, key, item))
                elif isinstance(item, (dict, list)):
                    if key in _FLAT and isinstance(item, list):
                        made[key] = empty_copy(_without_every_other(item, secrets))
                    else:
                        made[key] = empty_copy(_without_code(item) if key in _QUERIES else item)
                else:
                    made[key] = item
        while arrays:
            items, copies = arrays.pop()
            for item in _without_named(items, secrets):
                if isinstance(item, str):
                    in_arrays.append((copies, len(copies), item))
                    copies.append(item)
                else:
                    copies.append(empty_copy(item) if isinstance(item, (dict, list)) else item)
    masks = _masks("\n".join([*[text for _, _, text in in_objects], *[text for _, _, text in in_arrays]]), secrets)
    if masks:
        for made, key, text in in_objects:
            made[key] = _masked(text, masks)
        for copies, index, text in in_arrays:
            copies[index] = _masked(text, masks)
    return root[""]


def _masked(text: str, masks: list[Mask]) -> str:
    """The text, masked until nothing is found: what ends a value may end none when the one before it is masked."""
    for _ in range(_MOST_ROUNDS):
        before = text
        for needle, mask in masks:
            if needle in text:
                text = mask(text)
        if text == before:
            break
    return text


def _mask_objects(text: str, secrets: Secrets) -> str:
    names = (found["name"].rpartition("/")[2] for found in _WRITTEN.finditer(text) if found["key"] in _SAYING)
    if not any(_is_secret_name(name, secrets) for name in names):
        return text
    from tocsin.events.written_objects import mask_objects  # noqa: PLC0415 - few events have such a text

    return mask_objects(text, partial(_without_value, secrets=secrets))


def _without_value(given: JsonObject, secrets: Secrets) -> JsonObject:
    """The object, its value masked where it has name and value apart: ``{"name": "X-Api-Key", "value": "…"}``."""
    values: dict[str, str] = {}
    if name := _named(given, _NAMES, secrets) or _password_of(given, secrets) or _patched(given, secrets):
        values = dict.fromkeys(_VALUES & given.keys(), name)
    if name := _named(given, _CHANGED, secrets):
        values |= dict.fromkeys(_CHANGES & given.keys(), name)
    if not values:
        return given  # most objects: none of these is copied
    return given | {key: MASK for key, name in values.items() if secrets.hides(name, given[key])}


def _named(given: JsonObject, keys: frozenset[str], secrets: Secrets) -> str | None:
    """The secret name under one of the keys."""
    names = (name for key in keys & given.keys() if isinstance(name := given[key], str))
    return next((name for name in names if _is_secret_name(name, secrets)), None)


def _password_of(given: JsonObject, secrets: Secrets) -> str | None:
    """Keycloak's ``{"type": "password", "value": "…"}``, and a field of a form by its id."""
    name = _named(given, _PASSWORDS, secrets)
    return name if name and ("pass" in name.lower() or "secret" in name.lower()) else None


def _patched(given: JsonObject, secrets: Secrets) -> str | None:
    """The secret that a JSON Patch sets (RFC 6902): ``{"op": "add", "path": "/spec/password", "value": "…"}``."""
    path = given.get("path") if "op" in given else None
    if isinstance(path, str) and _is_secret_name(name := path.rpartition("/")[2], secrets):
        return name
    return None


def _without_data(given: JsonObject) -> JsonObject:
    """A Secret of Kubernetes, as its audit log has it, what it holds masked: values have names of all kinds.

    https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/
    """
    items = given.get("items")  # of a SecretList, whose items do not say their kind
    if isinstance(items, list):
        given = given | {"items": [_of_secret(each) if isinstance(each, dict) else each for each in items]}
    return _of_secret(given)


def _of_secret(given: JsonObject) -> JsonObject:
    made = given | {key: dict.fromkeys(held, MASK) for key in _DATA if isinstance(held := given.get(key), dict)}
    metadata = given.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(metadata, dict) and isinstance(annotations, dict) and _APPLIED in annotations:
        made["metadata"] = metadata | {"annotations": annotations | {_APPLIED: MASK}}
    return made


def _is_secret_name(name: str, secrets: Secrets) -> bool:
    """Whether it names a secret and is no sentence about one: of several words, the last is secret, as in "API key"."""
    if len(name) > _LONGEST_NAME or not secrets.is_secret_key(name):
        return False
    return " " not in name or secrets.is_secret_key(name.rpartition(" ")[2])


def _without_named(items: list[Json], secrets: Secrets) -> list[Json]:
    """The list, masked what has a name in it: the values of pairs, ``["--password", "…"]``."""
    first = items[0] if items else None
    if isinstance(first, list):
        pairs = [item for item in items if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)]
        if len(pairs) < len(items):
            return items
        return [[name, _hidden(str(name), held, secrets)] for name, held in pairs]
    if not any(isinstance(item, str) and item[:1] == "-" for item in items):
        return items
    items = mask_arguments(items)
    made = items.copy()
    for position, (option, held) in enumerate(pairwise(items), 1):
        if isinstance(option, str) and option[:1] == "-" and not (isinstance(held, str) and held[:1] == "-"):
            made[position] = _hidden(option, held, secrets)
    return made


def _without_every_other(items: list[Json], secrets: Secrets) -> list[Json]:
    """The list, in which names and values alternate, its secret values masked."""
    made = items.copy()
    for position in range(1, len(items), 2):
        made[position] = _hidden(str(items[position - 1]), items[position], secrets)
    return made


def _hidden(name: str, held: Json, secrets: Secrets) -> Json:
    return MASK if _is_secret_name(name, secrets) and secrets.hides(name, held) else held


def _without_code(query: JsonObject | list[Json]) -> JsonObject | list[Json]:
    """The parameters of a request, an authorization code masked as it is in an address."""
    code = query.get("code") if isinstance(query, dict) else None
    if isinstance(query, dict) and (isinstance(code, list) or (isinstance(code, str) and is_code(code))):
        return {**query, "code": MASK}
    return query


def _masks(texts: str, secrets: Secrets) -> list[Mask]:
    """What may have to be done to one of the texts, which are given all in one: that spares almost all of them almost
    all patterns."""
    lowered = texts.lower()
    # The order matters to cleansing twice: what one mask does must not change what an earlier one finds.
    masks = credential_masks(texts, lowered, secrets)
    if _may_have_links(texts, lowered):
        masks.append(("", _mask_links))
    if "password" in texts and ("machine" in texts or "default" in texts):
        masks.append(("password", mask_netrc))
    if "oracle" in lowered or "sqlplus" in lowered:
        masks.append(("/", mask_oracle))
    if may_be_of_programs(texts, lowered):
        masks.append((" ", partial(mask_programs, secrets=secrets)))
    if may_name_secrets(texts, lowered, secrets):
        if ("<" in texts and ">" in texts) or "&lt;" in texts:
            masks.append(("", partial(mask_markup, secrets=secrets)))
        if "form-data" in texts:
            masks.append(("form-data", partial(mask_forms, secrets=secrets)))
        if "{" in texts:
            masks.append(("{", partial(_mask_objects, secrets=secrets)))
        masks.append(("", partial(mask_assignments, secrets=secrets)))
    return masks


def _may_have_links(texts: str, lowered: str) -> bool:
    return (
        _LINKS.search(lowered[::-1]) is not None
        or ("%" in texts and "2f" in lowered)
        or ("\\" in texts and "\\/" in texts)
    )


def _mask_links(text: str) -> str:
    if not _may_have_links(text, text.lower()):
        return text
    from tocsin.events.links import mask_links  # noqa: PLC0415 - few events have such a link

    return mask_links(text)
