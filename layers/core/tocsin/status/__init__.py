"""The state of the stack: queues, dead letters, readers of the stream, breakers, errors in the logs."""
