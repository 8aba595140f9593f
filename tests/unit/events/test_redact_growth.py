"""Masking takes a time that grows as the text does: no pattern tries every start against every end."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.events.redact import MASK, Secrets, cleanse

SHORT, TIMES = 4_000, 8
"""Characters, and how much longer the longer text is: quadratic time is 64 times as much, linear 8 times."""
MOST = 24.0
MEASURED = 0.004
"""Seconds below which a time says nothing."""
TRIES = 5

PIECES = st.sampled_from(
    [
        *(
            "password=",
            "password: ",
            "password:",
            'password="',
            "password='",
            "password=[",
            "password={",
            "{",
            "[",
            "(",
        ),
        *('{"token": ', "--password ", "['password', '", "[('token', '", "<password>", '<a password="', "<![CDATA["),
        *('name="password"\r\n\r\n', "name: token value: ", "password: |\n  a\n", "identified by '", "curl -u a:"),
        *(
            "/reset-password/",
            "/invite/",
            "/verify",
            "%2F",
            "%252F",
            '{"field":"password",',
            '"new":',
            '{"',
            "{'",
            '{\\"',
        ),
        *("mysql -p", "-----BEGIN PRIVATE KEY-----", "-----END", "Private-Lines: 3", "://a:", "://", "@", "hooks/"),
        *(
            "authorization: ",
            "cookie: a=",
            "Bearer ",
            "basic ",
            "eyJ",
            "a.",
            "%25",
            "%2525",
            "%26a%3D",
            "%22",
            "&quot;",
        ),
        *(
            "xoxb-",
            "ghp_",
            "sk-",
            "A",
            "AKIA",
            "a",
            "A1",
            "_",
            "-",
            "--a",
            ":a",
            "=a",
            "a:",
            "a=",
            ":",
            "=",
            ";",
            ",",
            "?",
        ),
        *(
            "#",
            "&",
            "'",
            '"',
            "\\",
            '\\"',
            "\\\\",
            " ",
            "   ",
            "\n",
            "\t",
            "/",
            "*",
            "|",
            ">",
            "<",
            "is ",
            "\u0440",
            "0",
        ),
    ]
)


def _time(text: str) -> float:
    started = time.process_time()
    cleanse(text)
    return time.process_time() - started


def _grows_with_the_text(begin: str, repeated: str) -> bool:
    """Whether masking text that is TIMES as long takes about as many times as long, by the least of some tries."""
    times = SHORT // len(repeated) + 1
    short, long = begin + repeated * times, begin + repeated * times * TIMES
    least_short = least_long = float("inf")
    for _ in range(TRIES):
        least_short, least_long = min(least_short, _time(short)), min(least_long, _time(long))
        if least_long < max(least_short * MOST, MEASURED):
            return True
    return False


@given(st.lists(PIECES, max_size=2).map("".join), st.lists(PIECES, min_size=1, max_size=3).map("".join))
def test_the_time_grows_as_the_text_does(begin, repeated):
    assert _grows_with_the_text(begin, repeated)


@pytest.mark.parametrize(
    ("begin", "repeated"),
    [
        ("", ":password"),
        ("name=|", "password: |\n  a\npassword={"),
        ("", "token:("),
        ("", "auth_method=("),
        ("", "key: {"),
        ("", "key: \"a key: 'b "),
        ("", "password='\\\\\\\"x "),
        ("password", "\\"),
        ("password", " "),
        ("", "password=\n"),
        ("", "<a "),
        ("", "<password><![CDATA["),
        ("", 'name="x"\r\n\r\n'),
        ("", "-----BEGIN PRIVATE KEY-----"),
        ("", '["token","'),
        ("postgres://a", ":b"),
        ("", "://a:b"),
        ("", "%2525"),
        ("", "name: "),
        ("value ", "name:a "),
        ("", "password: str = "),
        ("", "token -> "),
        ("", '{password,"'),
        ("", ':password "a '),
        ("", "\\u0022password\\u0022:"),
        ("\\u0022password\\u0022:\\u0022", "\\"),
        ("", "insert into a(token) values ('a',"),
        ("insert into a(token) values (", "1,"),
        ("insert into a(token) values (", "'a',"),
        ("", "net use a "),
        ("net use ", "a "),
        ("", "net user a "),
        ("", "mongosh -p "),
        ("", "mongosh -p a "),
        ("mongosh ", "-p a "),
        ("mongosh -p a", " "),
        ("", "mongosh -p mongosh "),
        ("7z ", "-pa "),
        ("", "smbclient -U a%"),
        ("redis-cli ", "-a b "),
        ("", "login -p login "),
        ("", "echo a:b "),
        ("echo a", " "),
        ("", "ENV a:"),
        ("", "htpasswd -b a "),
        ("", "alter user a identified by "),
        ("", "set password for a = '"),
        ("", "/invite/a"),
        ("", "%2F"),
        ("", "/"),
        ("/invite/a", "\\/"),
        ("/invite/", "a1"),
        ("/invite/", "%25"),
        ("/invite/", "aB."),
        ("", '{"field":"password","new":'),
        ("", '{"field":"password","new":['),
        ("", '{"field":"password","new":"'),
        ('{"field":"password","new":"x"}', '{\\"a'),
        ('{"field":"password",', "\\n"),
    ],
)
def test_a_text_that_took_a_quadratic_time_or_might(begin, repeated):
    assert _grows_with_the_text(begin, repeated)


def test_a_text_in_which_each_mask_lets_another_secret_be_found_is_looked_at_five_times():
    """So that no text decides how often it is looked at."""
    assert cleanse("net use " + "abc /user: " * 9).count(MASK) == 5


def test_a_quadratic_time_would_show():
    """Of the test itself: what takes a quadratic time is told from what does not."""
    short, long = "a" * 400, "a" * 400 * TIMES

    def quadratic(text: str) -> int:
        return sum(1 for _ in text for _ in text)

    assert quadratic(long) / quadratic(short) > MOST


def test_a_name_takes_a_time_that_grows_as_it_does():
    least = {}
    for length in (SHORT * 4, SHORT * 4 * TIMES):
        names = ["x" * length, "A" * length, "aA" * (length // 2), "key" * 21, "_" * length, "p@ss" * (length // 4)]
        names += ["\u0440" * length, "\uff50" * length]
        least[length] = min(_time_of_names(names) for _ in range(TRIES))

    assert least[SHORT * 4 * TIMES] < max(least[SHORT * 4] * MOST, MEASURED)


def _time_of_names(names: list[str]) -> float:
    secrets = Secrets()
    started = time.process_time()
    for name in names:
        secrets.is_secret_key(name)
    return time.process_time() - started
