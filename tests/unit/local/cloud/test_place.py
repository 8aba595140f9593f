"""Where to deploy to, and with which parameters."""

from contextlib import nullcontext
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from local.cloud.place import MAX_STACK_NAME, Place, PlaceError, defaults, parsed, stack_of
from tests.expanded_template import ROOT, expanded_template


def test_a_section_of_samconfig_says_the_stack_and_its_parameters() -> None:
    place = Place.read("prod")

    assert place.stack_name == "tocsin-prod"
    assert place.overrides["DeletionProtection"] == "true"


def test_parameters_that_are_given_come_before_the_sections() -> None:
    place = Place.read("prod", "LogRetentionDays=30 'AllowedPorts=443, 8443'")

    assert place.overrides["LogRetentionDays"] == "30"
    assert place.overrides["AllowedPorts"] == "443, 8443"


def test_what_the_stack_has_comes_before_defaults_and_after_what_is_given() -> None:
    stack = {
        "Parameters": [
            {"ParameterKey": "MailSender", "ParameterValue": "a@example.com"},
            {"ParameterKey": "LogLevel", "ParameterValue": "DEBUG"},
            {"ParameterKey": "MailIdentity", "ParameterValue": "of an older template"},
        ]
    }

    values = Place.read("default", "LogLevel=ERROR").parameters(stack)  # type: ignore[arg-type]

    assert (values["MailSender"], values["LogLevel"], values["Architecture"]) == ("a@example.com", "ERROR", "arm64")
    assert "MailIdentity" not in values


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("staging", "", r"no section \[staging\]; it has default, local, prod"),
        ("default", "MailFrom=a@example.com", "no parameter MailFrom"),
        ("default", "MailSender", "written Name=Value, not 'MailSender'"),
        ("default", "MatchWindow=0.5", "MatchWindow must be a whole number from 0 to 60, not '0.5'"),
        ("default", "Architecture=arm", "Architecture must be one of arm64, x86_64, not 'arm'"),
    ],
)
def test_what_can_not_be_used_is_refused_by_name(name: str, given: str, says: str) -> None:
    with pytest.raises(PlaceError, match=says):
        Place.read(name, given)


@pytest.mark.parametrize(("length", "is_taken"), [(MAX_STACK_NAME, True), (MAX_STACK_NAME + 1, False)])
def test_a_stacks_name_leaves_room_for_the_names_of_its_functions(tmp_path: Path, length: int, is_taken: bool) -> None:
    """The fault: a longer one failed in the middle of a deployment."""
    section = f'[long.global.parameters]\nstack_name = "{"s" * length}"\n'
    (tmp_path / "samconfig.toml").write_text(section, "utf-8")
    (tmp_path / "template.yaml").write_text((ROOT / "template.yaml").read_text("utf-8"), "utf-8")
    names = [
        each["Properties"]["FunctionName"]["Fn::Sub"].replace("${AWS::StackName}", "s" * length)
        for each in expanded_template()["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    ]

    assert (max(map(len, names)) <= 64) is is_taken
    with nullcontext() if is_taken else pytest.raises(PlaceError, match="at most 53 characters"):
        Place.read("long", root=tmp_path)


def test_every_parameter_has_a_default() -> None:
    assert {"Architecture": "arm64", "RequestBurst": "1000", "MailSender": ""}.items() <= defaults().items()


def test_a_value_may_hold_an_equals_sign() -> None:
    assert parsed(["A=b=c", "D="]) == {"A": "b=c", "D": ""}


def test_a_stack_that_is_not_there_is_none_and_any_other_error_is_raised() -> None:
    cloudformation = boto3.client("cloudformation", "eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(cloudformation) as stub:
        missing = "Stack with id tocsin does not exist"
        stub.add_client_error("describe_stacks", "ValidationError", missing, http_status_code=400)
        stub.add_client_error("describe_stacks", "AccessDenied", "not authorized to perform", http_status_code=403)

        assert stack_of(cloudformation, "tocsin") is None
        with pytest.raises(ClientError, match="not authorized"):
            stack_of(cloudformation, "tocsin")
