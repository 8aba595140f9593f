"""The emulator's own process: ministack, made to end with its parent, to do as AWS does, and to fail on demand.

Run as `python -m local.gateway` by local/emulator.py, with ministack's settings and ours (local/switches.py) in the
environment and a pipe as standard input that the parent holds open.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from ministack import app as ministack  # type: ignore[import-untyped]
from ministack.core import (  # type: ignore[import-untyped]
    concurrency,
    iam_actions,
    iam_evaluator,
    lambda_runtime,
    responses,
)
from ministack.services import (  # type: ignore[import-untyped]
    apigateway,
    apigateway_v1,
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    eventbridge,
    lambda_svc,
    ses,
    ses_v2,
    sqs,
)
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

from local import message_moves
from local.aws import ROOT_KEY
from local.controls import Controls
from local.corrections import (
    application_logs,
    asynchronous,
    busy_machine,
    cloudformation,
    freezing,
    http_api,
    iam,
    lambda_limits,
    log_filters,
    partiql,
    streams,
    websocket,
)
from local.corrections import ses as mail
from local.corrections import sqs as messages
from local.corrections.capacity import Capacity
from local.corrections.capacity_tables import ThrottledTables, hash_key
from local.corrections.late_reads import LateReads
from local.corrections.late_tables import LateTables
from local.corrections.recursion import LoopDetection
from local.economy import BATCHES_AT_ONCE, QueueFronts, SharedLayers, at_most, looking_at_a_page
from local.faults import FaultInjector
from local.schedules import hurried
from local.switches import Switches
from local.workspace import STATE


def end_with_parent() -> None:
    """Ends this process and the functions' processes once standard input does: the parent closed it, or died.

    By SIGKILL, to the whole process group: nothing here is worth saving, and nothing may stay.
    """

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def correct_cloudformation() -> None:
    """Has resources be what templates say."""
    provisioners._sm_secret_string = cloudformation.without_punctuation(provisioners._sm_secret_string)
    put_recursion = lambda_svc._put_function_recursion_config
    corrections: dict[str, Callable[[dict[str, object]], dict[str, object]]] = {
        "AWS::SecretsManager::Secret": cloudformation.secret_by_arn,
        "AWS::ApiGatewayV2::Authorizer": cloudformation.without_an_identity_source,
        "AWS::ApiGatewayV2::Api": cloudformation.with_its_cors_configuration,
        "AWS::ApiGatewayV2::Stage": lambda handler: cloudformation.logged_by_the_accounts_role(handler, may_log),
        "AWS::CloudWatch::Alarm": cloudformation.with_metric_math,
        "AWS::Lambda::Function": lambda handler: cloudformation.with_its_recursive_loop(handler, put_recursion),
    }
    for kind, corrected in corrections.items():
        provisioners._RESOURCE_HANDLERS[kind] = corrected(provisioners._RESOURCE_HANDLERS[kind])


def correct_permissions() -> None:
    """Has IAM asked about what it is asked about on AWS."""
    iam_actions.extract_iam_action = iam.authorized_as_on_aws(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = mail.sent_from_an_identity(iam_actions.extract_resource_arn)
    iam_actions.extract_resource_arn = iam.log_groups_with_their_streams(iam_actions.extract_resource_arn)
    checks = partiql.each_insert_is_checked(iam_actions.dynamodb_transaction_checks)
    iam_actions.dynamodb_transaction_checks = checks
    keys = iam.LeadingKeys(partition_key)
    iam_actions.dynamodb_service_context = keys.reading(iam_actions.dynamodb_service_context)
    iam_evaluator.enforce = keys.enforcing(iam_evaluator.enforce)

    def may_send(arn: str, headers: dict[str, str], query: object, request_id: str) -> mail.Answer | None:
        refusal: mail.Answer | None = ministack._enforce_data_plane(
            "sesv2", "ses:SendEmail", headers, query, request_id, resource_arn=arn, named_resource=arn
        )
        return refusal

    sender = mail.FromAddress()
    iam_evaluator.enforce = sender.enforcing(iam_evaluator.enforce)
    enforce_all = mail.and_on_what_else_it_uses(
        ministack._enforce_ses_v2,
        may_send,
        scope=lambda headers: (ministack.extract_region(headers, {}), responses.get_account_id()),
        in_sandbox=lambda: not ses._production_access_enabled(),
    )
    ministack._enforce_ses_v2 = sender.reading(enforce_all)
    ses_v2.handle_request = mail.within_limits(ses_v2.handle_request)


def correct_lambda(switches: Switches) -> None:
    """Has functions invoked, retried, frozen and stopped as Lambda does."""
    loops = LoopDetection(allowed=may_loop, dropped=count_dropped)
    execute = lambda_limits.within_response_limit(lambda_svc._execute_function)
    lambda_svc._execute_function = loops.executing(streams.retrying_failed_stream_records(execute))
    lambda_svc._match_esm_filter = streams.matching_what_is_absent(lambda_svc._match_esm_filter)
    lambda_svc._xray_trace_id_for_invocation = loops.tracing(lambda_svc._xray_trace_id_for_invocation)
    sqs.handle_request = loops.receiving(sqs.handle_request)
    sqs._build_send_sys_attrs = loops.keeping(sqs._build_send_sys_attrs)
    lambda_svc.handle_request = lambda_limits.within_payload_limits(lambda_svc.handle_request)

    events = asynchronous.EventQueue(
        execute=lambda_svc._execute_function_with_config_scope,
        give_up=give_up,
        in_background=lambda run: concurrency.spawn_background(run, thread_name="lambda-events"),
        speed=switches.retry_speed,
    )
    lambda_svc.invoke_async_with_retry = events.invoke
    eventbridge._dispatch_to_lambda = asynchronous.handed_over(execution_record, events.invoke)

    eventbridge._parse_rate_seconds = hurried(eventbridge._parse_rate_seconds, switches.schedule_speed)
    eventbridge._SCHEDULER_TICK_INTERVAL /= switches.schedule_speed

    lambda_runtime.Worker._spawn = application_logs.started_with_its_log_level(lambda_runtime.Worker._spawn)
    script = application_logs.with_the_runtimes_logging(lambda_runtime._PYTHON_WORKER_SCRIPT)
    lambda_runtime._PYTHON_WORKER_SCRIPT = script
    cloudwatch_logs._compile_filter_pattern = log_filters.with_alternatives(cloudwatch_logs._compile_filter_pattern)
    if switches.frozen_processes:
        lambda_runtime.Worker.invoke = freezing.frozen_between_invocations(lambda_runtime.Worker.invoke)
        lambda_runtime._signal = freezing.ended_though_frozen(lambda_runtime._signal)
    if switches.frozen_clock:
        script = freezing.with_a_clock_that_stands(lambda_runtime._PYTHON_WORKER_SCRIPT)
        lambda_runtime._PYTHON_WORKER_SCRIPT = script


def correct_queues() -> None:
    """Has SQS measure messages with their attributes, and move dead letters back."""

    def limit_of(url: str) -> int:
        return int(sqs._get_q(url)["attributes"].get("MaximumMessageSize") or messages.MAX_MESSAGE)

    system = messages.SystemAttributesOfBatches()
    send = messages.counting_attributes(sqs._act_send_message, limit_of, sqs._Err)
    sqs._act_send_message = system.sending(send)
    batch = messages.counting_attributes_of_batches(sqs._act_send_message_batch, sqs._Err)
    batch = system.of_batches(batch)
    sqs._HANDLERS.update(SendMessage=sqs._act_send_message, SendMessageBatch=batch)
    sqs._HANDLERS[message_moves.ACTION] = message_moves.start_message_move_task


def correct_http_apis() -> None:
    """Has HTTP APIs keep their limits, and answer as they do."""
    failures = http_api.Failures()
    proxied = failures.invoking(apigateway._invoke_lambda_proxy)
    apigateway._invoke_lambda_proxy = http_api.within_its_timeout(proxied)
    authorizer = apigateway._invoke_request_authorizer_lambda
    apigateway._invoke_request_authorizer_lambda = http_api.authorized_within_its_timeout(authorizer)
    answer = failures.answering(lambda_svc.lambda_execute_result_to_api_proxy_response)
    lambda_svc.lambda_execute_result_to_api_proxy_response = answer
    apigateway.handle_execute = http_api.within_limits(apigateway.handle_execute)
    apigateway.decode_http_api_path = http_api.ending_at_a_question_mark(apigateway.decode_http_api_path)
    parse = websocket.connections_by_their_ids(ministack._parse_execute_api_url, websocket_stage)
    ministack._parse_execute_api_url = parse


def correct_tables(late_reads: LateReads, capacity: Capacity) -> None:
    """Has DynamoDB's reads be late, and its capacity limited, as far as both are told to."""
    late = LateTables(
        late_reads,
        set_item=dynamodb._set_item,
        remove_item=dynamodb._remove_item,
        table_named=table_named,
        exempt=asked_by_root,
    )
    dynamodb._set_item, dynamodb._remove_item = late.set_item, late.remove_item
    dynamodb.handle_request = late.handling(dynamodb.handle_request)
    dynamodb._query = looking_at_a_page(dynamodb._query, table_named)
    throttled = ThrottledTables(capacity, table_named=table_named, item_at=dynamodb._get_item_by_key)
    for name in ("_get_item", "_query", "_scan", "_batch_get_item"):
        setattr(dynamodb, name, throttled.reading(late.reading(getattr(dynamodb, name))))  # type: ignore[arg-type]
    for name in ("_put_item", "_update_item", "_delete_item"):
        setattr(dynamodb, name, throttled.writing(getattr(dynamodb, name)))
    dynamodb._batch_write_item = throttled.writing_batch(dynamodb._batch_write_item)
    dynamodb._batch_execute_statement = partiql.inserting(
        dynamodb._batch_execute_statement, dynamodb._put_item, partition_key
    )


def allow_for_a_busy_machine() -> None:
    """Has functions' time limits leave out what they waited for a processor, as HTTP APIs' limits do."""
    lambda_runtime.Worker.invoke = busy_machine.counting_what_it_waits(lambda_runtime.Worker.invoke)
    lambda_runtime.threading = SimpleNamespace(**{**vars(threading), "Thread": busy_machine.PatientThread})


def spare_the_machine() -> None:
    """Has the emulator take less of the machine than AWS would."""
    layers = SharedLayers(STATE / "layers", lambda_svc._resolve_layer_zip)
    layers.forget_unused()
    lambda_runtime.Worker._spawn = layers.spawning(lambda_runtime.Worker._spawn)
    lambda_svc._sqs_esm_concurrency = at_most(BATCHES_AT_ONCE, lambda_svc._sqs_esm_concurrency)
    fronts = QueueFronts(sqs._dlq_sweep, sqs._expire_retained, sqs._queues_lock)
    sqs._dlq_sweep, sqs._expire_retained = fronts.sweep, fronts.expire
    sqs._collect_msgs = fronts.collecting(sqs._collect_msgs)
    sqs._HANDLERS["DeleteMessageBatch"] = fronts.deleting(sqs._HANDLERS["DeleteMessageBatch"], sqs._get_q)


def table_named(name: str) -> dict[str, Any] | None:
    """A table of the request's account and region, by its name or ARN, or None."""
    table: dict[str, Any] | None = dynamodb._tables.get(dynamodb._normalize_table_name(name))
    return table


def partition_key(name: str, index: str | None = None) -> str | None:
    """The name of the partition key of a table, or of one of its indexes; None where there is no such table."""
    table = table_named(name)
    return None if table is None else hash_key(table, index)


def asked_by_root(headers: Mapping[str, str]) -> bool:
    """Whether it is the emulator's root user who asks: tests, which look at tables to see what there is."""
    return bool(ministack.extract_access_key_id(headers, {}) == ROOT_KEY)


def may_log(api: str) -> bool:
    """Whether an API's stages may write logs: those of WebSocket APIs need a role in the account's settings."""
    described = apigateway._apis.get(api) or {}
    settings = apigateway_v1._account_settings.get("settings") or {}
    return described.get("protocolType") != "WEBSOCKET" or bool(settings.get("cloudwatchRoleArn"))


def may_loop(function: Mapping[str, Any]) -> bool:
    """Whether a function's RecursiveLoop is Allow."""
    config = function.get("config") or function
    known = lambda_svc._functions.get(config.get("FunctionName")) or function
    return known.get("recursive_loop") == "Allow"


def count_dropped(function: Mapping[str, Any]) -> None:
    """Counts an invocation that was stopped, in AWS/Lambda RecursiveInvocationsDropped."""
    name = (function.get("config") or function).get("FunctionName")
    cloudwatch.record_metric("AWS/Lambda", "RecursiveInvocationsDropped", 1, "Count", {"FunctionName": name})


def execution_record(arn: str) -> dict[str, Any] | None:
    """What the emulator executes a function by, with its asynchronous settings; None where there is no such one."""
    function, config, _name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        return None
    record: dict[str, Any] = lambda_svc._execution_record_for_config(function, config)
    return record


def give_up(arn: str, function: str, event: object, result: dict[str, Any]) -> None:
    """Sends an event that was given up to its function's destination, in the destination's account and region."""
    _, _, _, region, account, *_ = arn.split(":")
    with responses.request_scope(account, region):
        lambda_svc._route_async_failure(arn, function, event, result)


def websocket_stage(connection: str) -> tuple[str, str] | None:
    """API and stage of a connection; of the first WebSocket API for one that is not open; None without any."""
    known = apigateway._ws_connections.get(connection)
    if known is not None:
        return known["apiId"], known["stage"]
    for (account, region, api), described in apigateway._apis.all_items():
        if described.get("protocolType") == "WEBSOCKET":
            for stage in apigateway._stages.get_scoped(account, region, api, {}):
                return api, stage
    return None


def main() -> None:
    """Serves the emulator until the parent goes."""
    end_with_parent()
    switches = Switches.from_environment()
    late_reads = LateReads(time.monotonic, bound_s=switches.late_reads_s, seed=switches.late_reads_seed)
    capacity = Capacity(time.monotonic)
    correct_cloudformation()
    correct_permissions()
    correct_lambda(switches)
    correct_queues()
    correct_http_apis()
    correct_tables(late_reads, capacity)
    allow_for_a_busy_machine()
    spare_the_machine()
    ministack.app = Controls(FaultInjector(ministack.app), late_reads, capacity)
    sys.argv[1:] = []
    ministack.main()


if __name__ == "__main__":
    main()
