"""`token_…`: access tokens, checked on the way of every request and given out by `/oauth/token`."""

import http.client
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlencode

import orjson

from bench.cases.house import ANSWER_SECONDS, OK, Served, asked, house
from bench.contest import Benchmark, Failed, Options, Subject
from bench.figures import OURS, Sample
from bench.load.http import HOST, form
from bench.load.plan import WARM_SECONDS, Plan
from bench.processes import said

PATH = "/oauth/token"
FORM = urlencode({"grant_type": "client_credentials", "scope": "usage:read"})
CONNECTIONS = 16
TOKENS, FEW = 10_000, 200
MAKE_SECONDS = 60.0


@contextmanager
def _check(options: Options) -> Iterator[Mapping[str, Subject]]:
    def run() -> Sample:
        profile = options.profile("token_check")
        plan = {
            "tokens": TOKENS if options.seconds >= 1 else FEW,  # a try-out says nothing
            "seconds": options.seconds,
            "profile": str(profile) if profile else None,
        }
        command = [sys.executable, "-m", "bench.tokens"]
        seconds = MAKE_SECONDS + WARM_SECONDS + 3 * options.seconds
        return Sample(**said(command, orjson.dumps(plan), options.cores.server, seconds))

    yield {OURS: run}


@contextmanager
def _issue(options: Options) -> Iterator[Mapping[str, Subject]]:
    with house(options, "token_issue", "quiet", "--devices", "1") as served:
        _check_issued(served)

        def plan(served: Served) -> Plan:
            return Plan(
                work="issue",
                port=served.port,
                token="",
                document=PATH,
                workers=CONNECTIONS,
                seconds=options.seconds,
                pid=served.pid,
                more={"app": dict(served.app), "form": FORM},
            )

        yield {OURS: served.subject(options, plan)}


def _check_issued(served: Served) -> None:
    """Refuse to measure tokens that open nothing.

    Raises:
        Failed: there is none, or it does not open what it should.
    """
    raw = form(PATH, served.app["id"], served.app["secret"], FORM)
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    connection = http.client.HTTPConnection(HOST, served.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", PATH, body, dict(lines))
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status != OK:
        sentence = f"{response.status} {text.decode(errors='replace')}"
        raise Failed(sentence)
    token = orjson.loads(text)["access_token"]
    scopes = asked(served.port, token, "{ viewer { scopes } }")["viewer"]["scopes"]
    if scopes != ["usage:read"]:
        sentence = f"The token opens {scopes}."
        raise Failed(sentence)


CHECK = Benchmark(
    name="token_check",
    unit="us",
    about=(
        f"the viewer behind an Authorization header, for {TOKENS:,} tokens of 100 users in any "
        "order, each seen before; hot_us: one token alone, changed_us: after something happened "
        "in the access log, fresh_us: a token that was never seen."
    ),
    prepare=_check,
    more_is_better=False,
)
ISSUE = Benchmark(
    name="token_issue",
    unit="tokens/s",
    about=(
        "client_credentials by POST /oauth/token with client_secret_basic over "
        f"{CONNECTIONS} connections, signed with ES256 and noted in the audit; SQLite."
    ),
    prepare=_issue,
)
