"""The generator of load: a process of its own, in raw asyncio on uvloop, so as not to be the brake.

It reads a plan as JSON on stdin and says its rounds as JSON on stdout: one as fast as it goes and
one at half that rate, or one of one after the other. A wrong answer ends it with an error.
"""
