"""Benchmarks: what this state of Latchkey does on this machine, in one command.

`make bench` starts each server and each generator of load as processes of their own, on cores of
their own, checks that the answers are right, and only then counts. Nothing here is imported by the
product.
"""
