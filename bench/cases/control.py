"""`control`: commands that end CONFIRMED, on SQLite, at a simulator that answers at once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.cases.house import Served, house
from bench.contest import Benchmark, Failed, Options, Subject
from bench.figures import OURS
from bench.load.plan import Plan

DEVICES = 200
CONNECTIONS = 32
DOCUMENT = """
mutation Control($input: ControlDeviceInput!) {
  controlDevice(input: $input) { id status error { code } }
}
"""
STATE = """
query State($id: ID!) { device(id: $id) { state { on } pendingCommand { id } } }
"""


@contextmanager
def _control(options: Options) -> Iterator[Mapping[str, Subject]]:
    with house(options, "control", "simulated", "--devices", str(DEVICES)) as served:
        devices = [one["id"] for one in served.devices if one["switchable"]]
        _check(served, devices[0])

        def plan(served: Served) -> Plan:
            return Plan(
                work="control",
                port=served.port,
                token=served.token,
                document=DOCUMENT,
                workers=CONNECTIONS,
                seconds=options.seconds,
                pid=served.pid,
                more={"devices": devices},
            )

        yield {OURS: served.subject(options, plan)}


def _check(served: Served, device_id: str) -> None:
    """Refuse to count what the device did not do.

    Raises:
        Failed: a command was not CONFIRMED, or the device is not as asked, or one is left open.
    """
    for on in (True, False):
        wish = {"input": {"deviceId": device_id, "state": {"on": on}}}
        command = served.ask(DOCUMENT, wish)["controlDevice"]
        device = served.ask(STATE, {"id": device_id})["device"]
        if command["status"] != "CONFIRMED" or device["state"]["on"] is not on:
            sentence = f"Asked for on={on}: {command}, {device}."
            raise Failed(sentence)
        if device["pendingCommand"] is not None:
            sentence = f"A confirmed command is still open: {device}."
            raise Failed(sentence)


CONTROL = Benchmark(
    name="control",
    unit="confirmed/s",
    about=(
        f"controlDevice over {CONNECTIONS} connections, on and off in turn at the lamps, lights, "
        f"switches and plugs of one home of {DEVICES} devices; SQLite, simulator without latency; "
        "only commands that end CONFIRMED are counted."
    ),
    prepare=_control,
)
