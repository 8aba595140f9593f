"""Deploying to an AWS account: with which parameters, built for what, and taken away again."""
