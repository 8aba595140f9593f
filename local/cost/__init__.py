"""`make cost`: what a million events cost on AWS, by counting what the real code does.

`stage` has the functions on moto, `meter` counts what they use that is billed, `workload` drives them, `bill` says what
that costs by `prices.json` and how it grows.
"""
