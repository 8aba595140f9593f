"""Where ministack 1.5.33 and AWS differ in ways that matter here, and what makes the emulator do as AWS does.

One module a matter. Each knows nothing of Tocsin: it takes the emulator's function and gives one that behaves as
AWS documents, so that it can be offered to the emulator's own project. local/gateway.py puts them in place;
local/switches.py says which of them can be switched.

| module | what AWS does that the emulator does not |
|---|---|
| application_logs, runtime_logging | has all loggers of a function write from its ApplicationLogLevel on |
| asynchronous | retries an event twice, after one and two minutes; keeps throttled events until they are too old |
| busy_machine | gives functions their share of a processor: what they wait for one here counts against no limit |
| capacity, capacity_tables | throttles a table, an index, a partition (on demand: `Emulator.throttling`) |
| cloudformation | secrets, authorizers, CORS, RecursiveLoop as templates spell them; logs of WebSocket APIs |
| freezing, frozen_clock | freezes a function's process between invocations: no thread runs, no clock advances |
| http_api | limits of size and time, paths decoded as HTTP APIs do, a failure in API Gateway's own words |
| iam | dynamodb:LeadingKeys; which action a batch needs |
| item_size | how DynamoDB counts an item |
| lambda_limits | how large a payload and a response may be |
| late_reads, late_tables | eventually consistent reads that are behind |
| log_filters | a term with a question mark before it is one of several, in FilterLogEvents |
| partiql, moto_partiql | an INSERT is a write as others are: conditions, streams, limits, a permission of its own |
| recursion | stops a function that feeds itself through SQS |
| ses | which identities and configuration set mail needs the permission on; how long addresses and headers are |
| sqs | how large a message is, with its attributes; the trace header it keeps, in a batch too |
| streams | partial batch responses of stream mappings; filters on what is absent |
| websocket | what is sent to a connection finds its API, also where AWS_ENDPOINT_URL stands before its address |
"""
