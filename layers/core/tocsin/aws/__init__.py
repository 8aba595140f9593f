"""What is AWS's: clients, DynamoDB attributes, SQS, errors, logs, and what a function is deployed with."""
