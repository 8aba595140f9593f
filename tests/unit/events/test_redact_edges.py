"""Where masking begins and ends: what is one character, word or bracket away from a secret stays as it is."""

import pytest

from tocsin.events.redact import MASK, cleanse

LONGEST_NAME = "p" * 120 + "password"
"""128 characters: a longer name is a text."""

PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"
MASKED_KEY = "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([["user", "ana"], ["color", "red"]], id="pairs without a secret name"),
        pytest.param(["--user", "ana", "--verbose", "x"], id="arguments without a secret name"),
        pytest.param(["--password", "-v", "x"], id="an option behind one that asks for a secret"),
        pytest.param({"name": "password policy", "value": "strict"}, id="a secret's policy"),
        pytest.param({"name": "the password reset", "value": "done"}, id="what is done with a secret"),
        pytest.param({"name": f"p{LONGEST_NAME}", "value": "x"}, id="a name that is a text"),
        pytest.param({"args": ["code", "name"]}, id="parameters that are a list"),
        pytest.param([["completion_tokens", 5]], id="a pair that counts"),
        pytest.param({"name": "completion_tokens", "value": 5}, id="a number that counts beside its name"),
        pytest.param({"rawHeaders": ["X-Kind", "token", "Host", "h"]}, id="a value that is a secret's name"),
    ],
)
def test_what_has_no_secret_name_stays_as_it_is(value):
    assert cleanse(value) == value


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"name": "API key", "value": "x"}, {"name": "API key", "value": MASK}),
        ({"name": "reset password", "value": "x"}, {"name": "reset password", "value": MASK}),
        ({"name": LONGEST_NAME, "value": "x"}, {"name": LONGEST_NAME, "value": MASK}),
        ([["user", "ana"], ["password", "x"]], [["user", "ana"], ["password", MASK]]),
        (["--user", "ana", "--password", "x"], ["--user", "ana", "--password", MASK]),
        ({"id": "clientSecret", "value": "x"}, {"id": "clientSecret", "value": MASK}),
        ([["token", 5]], [["token", MASK]]),
        (["--token", 5], ["--token", MASK]),
    ],
)
def test_what_has_a_secret_name_is_masked(value, masked):
    assert cleanse(value) == masked


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x eyJhbGciOiJIUzI1NiJ9.abc and y", id="a token of two parts"),
        pytest.param("a.b.eyJhbGci.x", id="a token of two parts behind others"),
        pytest.param("a.b.c is no eyJ", id="dots before what begins a token"),
        pytest.param("see https://a/cb?state=1&code=abcd", id="a code as short as a country's"),
        pytest.param("we sent Basic dXNlci1wYXNz1234 to it", id="base64 of no user and password"),
        pytest.param("we sent Basic user-1 to it", id="no base64"),
        pytest.param("we sent Basic abc12 to it", id="base64 of a length that there is not"),
        pytest.param("we sent Basic =dXNlcjpwYXNz to it", id="padding in front"),
        pytest.param("x --no-token s3cret1 y", id="an option that says no"),
        pytest.param("f('password', '-x')", id="an option behind an option"),
        pytest.param("run ['--token', 'abc1", id="a string without its end"),
        pytest.param("d['password', 'hunter2']", id="two names"),
        pytest.param("foo ['password', 'hunter2']", id="two names behind a word"),
        pytest.param("b,x ['password', 'hunter2']", id="two names behind a list's word"),
        pytest.param("arn:aws:secret:abc12", id="a part of a resource's name"),
        pytest.param("they pass: 12 of 14", id="a word of every day"),
        pytest.param("docker.io/library/secret:8f14e45fceea167a", id="an image's tag"),
        pytest.param("arn:aws:password:8f14e45fceea167a", id="a part of a resource's name, like a credential"),
        pytest.param("password.js: loaded in 3 ms", id="a file's name"),
        pytest.param(":password: hunter", id="a name between colons"),
        pytest.param("Token:\n  who has it may enter", id="a sentence below its title"),
        pytest.param("the password:\n         hunter", id="a word below a sentence"),
        pytest.param("password=\nhunter", id="a line below a name without a value"),
        pytest.param('{"token_holder":"bob","b":"c=="}', id="what is like a credential behind a value that is not"),
        pytest.param("[use --token required]", id="a word behind an option, before a bracket"),
        pytest.param("Authorization:\r\nHost: h", id="a header without a value"),
        pytest.param("- value: 'strict'\n  name: password_policy", id="a value before what is about a secret"),
        pytest.param("<password a='x'/>abc</b>", id="an element without content"),
        pytest.param('<property name="password"/><value>x</value>', id="an element without content before a value"),
        pytest.param("<input name='color' value='x'/>", id="an attribute that is no secret"),
        pytest.param("<input type='password' name='token'>value</input>", id="a secret's name without a value"),
        pytest.param("<user>ana</user> of the password", id="an element that is no secret"),
        pytest.param('form-data; name="user"\r\n\r\nana\r\n--', id="a form's field that is no secret"),
    ],
)
def test_what_is_nearly_a_secret_stays_as_it_is(text):
    assert cleanse(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("a.b.eyJhbGci.x.y", "a.b.***"),
        ("see https://a/cb?state=1&code=abcde", "see https://a/cb?state=1&code=***"),
        ("we sent Basic dXNlcjpwYXNzMQ== to it", "we sent Basic *** to it"),
        ("we sent basic dXNlcjpwYXNzMQ to it", "we sent basic *** to it"),
        ("we sent BASIC dXNlcjpwYTE= to it", "we sent BASIC *** to it"),
        ("f('password', 'hunter2')", "f('password', '***')"),
        ("pass:hunter2", "pass:***"),
        ("token = {a: 1}b, c", "token = ***, c"),
        ("password=['a b']c d", "password=*** d"),
        (f"first {PRIVATE_KEY}\nsecond {PRIVATE_KEY}\nend", f"first {MASKED_KEY}\nsecond {MASKED_KEY}\nend"),
        ("['a', 'b'],  ['password', 'hunter2']", "['a', 'b'],  ['password', '***']"),
        ("[ ['password', 'hunter2']]", "[ ['password', '***']]"),
        ("x:\n  y:\n    password: |\n      abc\n    user: ana", "x:\n  y:\n    password: |\n      ***\n    user: ana"),
        ("password: |\n  abc\n\n  def\nuser: x\n", "password: |\n  ***\nuser: x\n"),
        ("password: |\n  abc\n  def", "password: |\n  ***"),
        ("password: |\n  abc\n- user: ana", "password: |\n  ***\n- user: ana"),
        ("  password: |\n    abc\n  user: x", "  password: |\n    ***\n  user: x"),
        ("password: |\r\n  abc\rdef\r\nuser: x", "password: |\r\n  ***\r\nuser: x"),
        ("password: !vault |\n  abc\nport: 1", "password: !vault |\n  ***\nport: 1"),
        ("user: bob\npassword: !!str abc def\nport: 1", "user: bob\npassword: ***\nport: 1"),
        ("token = str = abc", "token = *** = abc"),
        ("token: old1 -> new2, port: 5432", "token: *** -> ***, port: 5432"),
        ('token = {"a": "}", "b": "it\'s }"} c', "token = *** c"),
        ('token = [\'it"s ]\', "b]"] c', "token = *** c"),
        ("x token_holder={abc123=+}def c", "x token_holder=*** c"),
        ('"tokens" => ["abc"].freeze, "n" => 1', '"tokens" => "***".freeze, "n" => 1'),
        ('{"tokens": ("a", "b"), "n": 1}', '{"tokens": "***", "n": 1}'),
        ("password='abc\nuser: bob", "password='***\nuser: bob"),
        ('password="abc\nuser="bob"', 'password="***\nuser="bob"'),
        (r"{\"password\":\"ab\\\\\",\"n\":1}", r"{\"password\":\"***\",\"n\":1}"),
        ("password=[abc\nuser=[bob]", "password=***\nuser=[bob]"),
        ('token=Some("abc") c', 'token=Some("***") c'),
        ("API key: abc", "API key: ***"),
        ("api_key: abc", "api_key: ***"),
        (
            "- value: '5432'\n  name: PORT\n- value: 'abc'\n  name: PASSWORD",
            "- value: '5432'\n  name: PORT\n- value: '***'\n  name: PASSWORD",
        ),
        ("we sent Basic dXNlcjpwYXX to it", "we sent Basic *** to it"),
        ("Authorization: Bearer abc\nCookie: a=b\nHost: h", "Authorization: Bearer ***\nCookie: ***\nHost: h"),
        ('{"Authorization": "Bearer ", "n": 1}', '{"Authorization": "***", "n": 1}'),
        ("Proxy-Authorization: NTLM abc\nHost: h", "Proxy-Authorization: NTLM ***\nHost: h"),
        ("next=//bob:abc@h/", "next=//bob:***@h/"),
        ("root:abc@tcp(127.0.0.1:3306)/app", "root:***@tcp(127.0.0.1:3306)/app"),
        ("?p%61ssword=abc&x=1", "?p%61ssword=***&x=1"),
        ("<password>  abc  </password>", "<password>  ***  </password>"),
        ("<password><![CDATA[abc]]></password>", "<password><![CDATA[***]]></password>"),
        ("<password>abc\n]]></password>", "<password>***\n]]></password>"),
        ("<root><key>abc1</key></root>", "<root><key>***</key></root>"),
        ("<key>password</key><string>abc</string>", "<key>password</key><string>***</string>"),
        (
            "<a><key>password</key><string>abc</string></a>",
            "<a><key>password</key><string>***</string></a>",
        ),
        (
            '<b name="color"><value>red</value></b><b name="token"><value>abc</value></b>',
            '<b name="color"><value>red</value></b><b name="token"><value>***</value></b>',
        ),
        (
            '<input id="user" value="ana"><input id="api_key" value="abc">',
            '<input id="user" value="ana"><input id="api_key" value="***">',
        ),
        ('<INPUT ID="API_KEY" VALUE="abc">', '<INPUT ID="API_KEY" VALUE="***">'),
        ('form-data; name="password"\r\n\r\nana\r\n--', 'form-data; name="password"\r\n\r\n***\r\n--'),
        (
            'form-data; name="user"\r\n\r\nana\r\n--b\r\nform-data; name="password"\r\n\r\nana\r\n--',
            'form-data; name="user"\r\n\r\nana\r\n--b\r\nform-data; name="password"\r\n\r\n***\r\n--',
        ),
    ],
)
def test_of_a_text_the_secret_alone_is_masked(text, masked):
    assert cleanse(text).replace(MASK, "***") == masked
