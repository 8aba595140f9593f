"""Notations of names and values that few logs have, and texts that are like them.

S stands for the secret; everything else has to stay readable.
"""

from tests.unit.events.secret_payloads import S

NOTATIONS = {
    "JSON as .NET escapes it": f'{{"body":"{{\\u0022password\\u0022:\\u0022{S}\\u0022,\\u0022n\\u0022:1}}"}}',
    "JSON as .NET escapes it, once more": f"{{\\\\u0022password\\\\u0022:\\\\u0022{S}\\\\u0022}}",
    "JSON as .NET escapes it, with blanks": f"{{\\u0022password\\u0022: \\u0022correct horse {S}\\u0022}}",
    "JSON as nginx logs it": f"{{\\x22user\\x22:\\x22bob\\x22,\\x22password\\x22:\\x22{S}\\x22}}",
    "JSON as Go's templates escape it": f"{{&#34;password&#34;:&#34;{S}&#34;,&#34;n&#34;:1}}",
    "a dump of Python in HTML": f"{{&#x27;password&#x27;: &#x27;{S}&#x27;, &#x27;n&#x27;: 1}}",
    "a tuple of Erlang": f'{{password,"{S}"}}',
    "a binary of Erlang": f'[{{user,<<"bob">>}},{{password,<<"{S}">>}}]',
    "a map of Clojure": f'{{:user "bob", :password "{S}"}}',
    "a pair of Lisp": f'(("user" . "bob") ("password" . "{S}"))',
    "a map of Scala": f"Map(user -> bob, password -> {S})",
    "a map of Kotlin": f'mapOf("token" to "x", "password" -> "{S}")',
    "a line in German": f"Kennwort: {S}",
    "a line in Spanish": f"Contraseña: {S}\nUsuario: bob",
    "JSON in Portuguese": f'{{"usuario": "bob", "senha": "{S}"}}',
    "a form in French": f"login=bob&mdp={S}",
    "a key of a network": f"network={{ ssid=x psk={S} }}",
    "a constant of Python": f'    password: str = "{S}"',
    "a constant of TypeScript": f"const apiKey: string = '{S}';",
    "a constant of Rust": f'let token: &str = "{S}";',
    "a constant of Kotlin": f'val password: String? = "{S}"',
    "a dump of PHP": f'array(2) {{\n  ["user"]=>\n  string(3) "bob"\n  ["password"]=>\n  string(18) "{S}"\n}}',
}

OBJECTS = {
    "a credential of Keycloak": {"type": "password", "value": S, "temporary": False},
    "a field of a form": {"id": "new_password", "value": S},
    "a patch": [{"op": "replace", "path": "/spec/password", "value": S}, {"op": "add", "path": "/n", "value": "x"}],
    "a change of a field": {"field": "password", "old": S, "new": S},
    "a change of an attribute": {"attribute": "api_key", "before": S, "after": S},
    "a change of a property": {"property": "clientSecret", "from": S, "to": S},
    "a change of a column": {"column": "token", "previous": S, "current": S},
    "a property of Microsoft 365": {"Name": "Password", "NewValue": S, "OldValue": S},
    "a property of Entra": {"displayName": "ClientSecret", "newValue": S, "oldValue": None},
    "a parameter of Google Workspace": {"name": "password", "multiValue": [S]},
    "data of an event of Windows": {"Data": [{"@Name": "Password", "#text": S}, {"@Name": "User", "#text": "bob"}]},
    "parameters of API Gateway": {"multiValueQueryStringParameters": {"code": [S], "state": ["x"]}},
}

INNOCENT_OBJECTS = (
    {"type": "token", "value": "if", "line": 3},
    {"id": "session", "value": 3},
    {"op": "GET", "path": "/api/v1/users", "value": 3},
    {"op": "add", "path": "/api/name", "value": "x"},
    {"name": "auth", "from": "a", "to": "b"},
    {"title": "API", "text": "it is up", "from": "bob"},
    {"field": "name", "old": "a", "new": "b"},
    {"displayName": "Bob", "value": "x"},
    {"path": "/token", "value": 3},
)

INNOCENT_NOTATIONS = (
    'www-authenticate: Basic realm="shop"',
    'Basic realm="shop"',
    'Basic realm="shop", charset="UTF-8"',
    "Das Passwort ist falsch",
    "Kennwort vergessen?",
    "a passport and a compass",
    "token -> expired",
    "session -> started",
    "auth -> api -> db",
    "password -> reset page",
    "fn verify(token) -> bool",
    "{token,refresh}",
    '{name,"bob"}',
    '{:name "bob"}',
    '(author "Jane")',
    "def login(password: str = None) -> Session:",
    "token: str = environ.token",
    'def page(items, key: str = "name") -> Page:',
    "\\u0022name\\u0022:\\u0022bob\\u0022",
    "\\x22GET /token HTTP/1.1\\x22 200",
    "&#34;token&#34; is required",
    "login:\n  password:\n  user bob\n",
    "  password:\nuser bob\n",
    "  password:\n- bob\n",
)
