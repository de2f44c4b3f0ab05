"""The generator of load: a process of its own, in raw asyncio on uvloop, so as not to be the brake.

It reads a plan as JSON on stdin and says two rounds as JSON on stdout: one as fast as it goes, one
at half that rate. A wrong answer ends it with an error.
"""
