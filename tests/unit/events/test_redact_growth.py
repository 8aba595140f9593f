"""Masking takes a time that grows as the text does: no pattern tries every start against every end."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.events.redact import MASK, Secrets, cleanse

SHORT, LONG, TIMES = 4_000, 200_000, 8
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


def _time(text: str, looked_at: Callable[[str], object]) -> float:
    started = time.process_time()
    looked_at(text)
    return time.process_time() - started


def _grows_with_the_text(begin: str, repeated: str) -> bool:
    """Whether masking text that is TIMES as long takes about as many times as long, by the least of some tries."""
    times = SHORT // len(repeated) + 1
    return _takes_as_much_longer(begin + repeated * times, begin + repeated * times * TIMES)


def _takes_as_much_longer(short: str, long: str, looked_at: Callable[[str], object] = cleanse) -> bool:
    """Whether masking `long`, which is TIMES as long as `short`, takes about as many times as long."""
    least_short = least_long = float("inf")
    for _ in range(TRIES):
        least_short, least_long = min(least_short, _time(short, looked_at)), min(least_long, _time(long, looked_at))
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


def hostile(length: int) -> list[str]:
    """Texts of about as many characters, each made against a pattern."""
    return [
        "eyJ" * (length // 3),
        "-eyJ" * (length // 4),
        "eyJa." * (length // 5),
        "eyJ" + "a." * (length // 2),
        "a" * length + "=",
        "://" * (length // 3) + "@",
        "://@" * (length // 4),
        "://" + "a" * length + " @",
        "://" + ":@" * (length // 2),
        "&" * length + "=",
        "&a" * (length // 2) + "=",
        "=?;" * (length // 3),
        "?a=" + ";" * length,
        "?a=" + (";" + "b" * 127) * (length // 128),
        "?token=" * (length // 7),
        "%3" * (length // 2),
        "%26a%3D" * (length // 7),
        "%26a%3D" + "%2" * (length // 2),
        "authorization" * (length // 13) + ":",
        "authorization:" * (length // 14),
        '"authorization:' * (length // 15),
        "authorization:\n" * (length // 15),
        ("authorization" + " " * 100) * (length // 113) + ":",
        'authorization:"' + "\\" * length,
        "authorization" + "\\" * length + ":",
        "bearer " * (length // 7),
        "bearer" + " " * length + ".",
        "bearer x" + " " * length + "y",
        " " * length + "bearer",
        "bearer aB" * (length // 9),
        "basic " + "A" * length,
        "basic Aa1 " * (length // 10),
        "/invite" * (length // 7),
        "/invite/" + "a" * length,
        "/invite/" + "aB" * (length // 2),
        "/invite/" + "a1" * (length // 2) + "é",
        "/invite/" + "a." * (length // 2),
        "/invite/" + "%25" * (length // 3),
        "/invite" + "\\" * length,
        '{"field":"password","new":"' * (length // 27),
        '{"field":"password","new":' * (length // 26),
        '{"field":"password","new":[' * (length // 27),
        '{"field":"password","new":"' + "\\" * length,
        '{"field":"password",' + " " * length,
        '{"field":"password","new":' + "{" * length,
        '{"field":"password","new":"a"}' + '{\\"' * (length // 3),
        '{"field":"password","new":"a"}' + "".join("{" + "\\" * (depth % 32) + '"a' for depth in range(length // 19)),
    ]


@pytest.mark.parametrize(
    ("short", "long"),
    list(zip(hostile(LONG // TIMES), hostile(LONG), strict=True)),
    ids=[text[:16].strip() + "…" for text in hostile(LONG)],
)
def test_a_hostile_text_of_200_kilobytes_takes_linear_time(short, long):
    assert _takes_as_much_longer(short, long)


def hostile_names(length: int) -> list[str]:
    return ["x" * length, "A" * length, "aA" * (length // 2), "key" * (length // 3), "_" * length]


@pytest.mark.parametrize(
    ("short", "long"),
    list(zip(hostile_names(LONG // TIMES), hostile_names(LONG), strict=True)),
    ids=[name[:4] for name in hostile_names(LONG)],
)
def test_a_hostile_key_takes_linear_time(short, long):
    assert _takes_as_much_longer(short, long, lambda key: Secrets().is_secret_key(key))


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
