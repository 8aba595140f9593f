"""What the functions printed, read from the emulated CloudWatch Logs: for when something went wrong."""

from __future__ import annotations

from local.aws import EmulatedAws

# The platform's own lines, which tell of no fault.
_PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId")


def function_logs(aws: EmulatedAws) -> list[str]:
    """The lines of all functions, `<function> <line>`, in the order of time."""
    found: list[tuple[int, str]] = []
    groups = aws.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/lambda/")
    for name in [group["logGroupName"] for page in groups for group in page["logGroups"]]:
        streams = aws.logs.get_paginator("describe_log_streams").paginate(logGroupName=name)
        for stream in [each for page in streams for each in page["logStreams"]]:
            # The end of a long stream: up to 1 MB or 10,000 lines.
            events = aws.logs.get_log_events(logGroupName=name, logStreamName=stream["logStreamName"])["events"]
            found += [
                (event["timestamp"], f"{name.rpartition('/')[2]} {event['message'].rstrip()}")
                for event in events
                if not event["message"].startswith(_PLATFORM)
            ]
    return [line for _, line in sorted(found, key=lambda item: item[0])]
