"""Passwords that commands are given without a name are masked; all else of commands stays readable."""

import pytest

from tests.unit.events.secret_commands import ARGUMENTS, COMMANDS, INNOCENT_COMMANDS
from tests.unit.events.secret_payloads import S
from tocsin.events.redact import MASK, cleanse


@pytest.mark.parametrize("around", ["{}", "bob ran: {}", "+ {}\n+ true", "COMMAND=/bin/sh -c {}"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_password_without_a_name_is_masked_and_nothing_else(command, around):
    text = around.format(command)

    cleansed = cleanse(text)

    assert cleansed == text.replace(S, MASK)
    assert cleanse(cleansed) == cleansed


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_password_among_arguments_is_masked_and_nothing_else(arguments):
    assert cleanse({"argv": arguments}) == {"argv": [each.replace(S, MASK) for each in arguments]}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([7, "-p", "curl"], id="a number in the program's place"),
        pytest.param(["docker", "login", "-p"], id="an option at the end"),
        pytest.param(["curl", "-u"], id="an option for a user at the end"),
        pytest.param(["curl", "-s", "https://h/"], id="an address that is no user"),
        pytest.param(["docker", "run", "-p", "80:80"], id="docker's ports"),
        pytest.param(["vault", "login", "-p", "80"], id="another program's login"),
    ],
)
def test_arguments_without_a_password_stay_as_they_are(arguments):
    assert cleanse({"argv": arguments}) == {"argv": arguments}


def test_a_password_is_masked_beside_arguments_that_are_no_texts():
    argv = ["mysql", "-u", "bob", 3306, None, f"-p{S}", ["x"]]

    assert cleanse({"argv": argv}) == {"argv": ["mysql", "-u", "bob", 3306, None, f"-p{MASK}", ["x"]]}


@pytest.mark.parametrize("command", INNOCENT_COMMANDS)
def test_a_command_that_is_given_no_password_stays_as_it_is(command):
    assert cleanse(command) == command
    assert cleanse(f"bob ran: {command}") == f"bob ran: {command}"


@pytest.mark.parametrize(
    ("program", "option"),
    [
        ("snmpwalk", f" -A {S}"),
        ("mongosh", f" --host h -p {S}"),
        ("7z x", f" -p{S}"),
        ("smbclient", f" -U bob%{S}"),
        ("xfreerdp", f" /v:h /p:{S}"),
        ("redis-cli", f" -a {S}"),
        ("docker login", f" -p {S}"),
        ("sshpass", f" -p {S}"),
        ("curl", f" -u bob:{S} https://h"),
        ("mysql", f" -p{S} -e 'select 1';"),
    ],
)
def test_all_passwords_of_a_command_are_masked_however_many_they_are(program, option):
    """The fault: each time that the text was looked at the first was masked, and no text is looked at more than five
    times. Nor was what stood far behind the program."""
    command = program + option * 40

    cleansed = cleanse(command)

    assert cleansed == command.replace(S, MASK)
    assert cleanse(cleansed) == cleansed


def test_what_is_cut_off_in_a_value_is_masked_to_its_end():
    statement = f"INSERT INTO users (name, password) VALUES ('bob', '{S}"

    assert cleanse(statement) == statement.replace(S, MASK)
