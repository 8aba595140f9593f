"""WebSocket APIs of the emulator: what API Gateway refuses of them."""

import json

from local.waiting import until
from tests.emulator.conftest import fresh


def test_a_stage_writes_logs_only_where_the_account_names_a_role_for_that(account):
    cloudformation, stack = account.aws.cloudformation, fresh("stack")
    resources = {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": stack, "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.a"},
        },
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": stack}},
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "StageName": "live",
                "AccessLogSettings": {"DestinationArn": {"Fn::GetAtt": ["Log", "Arn"]}, "Format": "$context.requestId"},
            },
        },
    }

    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))

    until(
        lambda: cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"].startswith("ROLLBACK"),
        30,
        of="the stack's end",
    )
    reasons = [each.get("ResourceStatusReason", "") for each in events_of(cloudformation, stack)]
    assert any("role ARN must be set in account settings to enable logging" in reason for reason in reasons)


def events_of(cloudformation, stack):
    return cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
