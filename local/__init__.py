"""The local stack: Tocsin on an emulated AWS, built and deployed as it is to AWS, and watched.

`python -m local run` is what `make run` calls. Nothing in here is deployed, and nothing in here imports what
is: the stack is looked at from outside, over HTTP and through boto3, as its users see it.
"""
