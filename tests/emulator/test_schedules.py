"""Schedules that go faster than on AWS, where they are told to."""

from local.aws import REGION
from local.waiting import until
from tests.emulator.conftest import ACCOUNT, fresh

SAYS_THAT_IT_RAN = """
    import os

    import boto3

    def handler(event, context):
        boto3.client("sqs").send_message(QueueUrl=os.environ["RUNS"], MessageBody=event["detail-type"])
"""


def test_what_is_scheduled_each_minute_runs_sooner(account):
    runs = account.queue()
    function = account.function(SAYS_THAT_IT_RAN, Timeout=30, Environment={"Variables": {"RUNS": runs}})
    events, rule = account.client("events"), fresh("rule")
    events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    account.aws.awslambda.add_permission(
        FunctionName=function, StatementId="schedule", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])

    def ran():
        asked = {"QueueUrl": runs, "AttributeNames": ["ApproximateNumberOfMessages"]}
        return int(account.aws.sqs.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"]) >= 3

    until(ran, 120, of="three runs")
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)

    (message, *_) = account.aws.sqs.receive_message(QueueUrl=runs)["Messages"]
    assert message["Body"] == "Scheduled Event"
