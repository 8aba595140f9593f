"""How the stack is: queues, dead letters, readers of the stream, breakers, errors in the logs."""
