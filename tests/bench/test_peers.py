"""Peers do the work that we do, or are not measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, strategies as st

from bench.cases import peers
from bench.cases.house import Served
from bench.cases.peers import NODE, RECORDS, Question, beside
from bench.contest import Failed, Options
from bench.machine import Cores
from bench.peers import node
from bench.processes import serving
from tests.clients.programs import HERE

OPTIONS = Options(runs=1, seconds=0.1, cores=Cores(None, None))
DEVICES: list[dict[str, Any]] = [
    {
        "id": f"device_{on}",
        "name": "Lámpara",
        "kind": "LIGHT",
        "online": True,
        "updatedAt": "2026-01-31T13:05:59.250Z",
        "room": {"id": "room_1", "name": "Hall"},
        "home": {"id": "home_1", "name": "Bench", "timeZone": "UTC"},
        "state": {"on": on, "brightness": 40},
        "pendingCommand": {
            "id": "command_1",
            "status": "ACCEPTED",
            "issuedAt": "2026-01-31T13:06:00.000Z",
            "deadline": "2026-01-31T13:06:10.000Z",
            "desired": {"on": not on, "brightness": None},
        },
    }
    for on in (True, False)
]
DEVICES.append({**DEVICES[0], "id": "device_3", "room": None, "pendingCommand": None})
EVERYTHING = Question(RECORDS, {"first": 3}, workers=1, least_bytes=100)
NAMES = ["strawberry", "prebuilt", *NODE]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A stand-in for our server, which answers everything with these devices."""
    answer = tmp_path / "said.json"
    answer.write_bytes(orjson.dumps({"data": {"devices": {"nodes": DEVICES}}}))
    command = peers.command("prebuilt", tmp_path / "none", answer, changing=False)
    with serving(command, {}, tmp_path, None) as said:
        yield Served(**said, token="", app={}, home_id="", devices=(), folder=tmp_path)


def _here(name: str) -> str:
    if name in NODE and (reason := node.missing()):
        pytest.skip(reason)
    return name


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_answers_the_same_json(served: Served, name: str) -> None:
    """It is compared as it starts, and is then a subject."""
    with beside([_here(name)], EVERYTHING, served, OPTIONS) as subjects:
        assert subjects.keys() == {name}


@pytest.mark.parametrize("name", ["strawberry", *NODE])
def test_a_device_of_a_peer_changes(served: Served, name: str) -> None:
    """Between any two answers, so that no peer lives on bytes that it kept."""
    with beside([_here(name)], EVERYTHING, served, OPTIONS, changing=True):
        pass


def test_a_peer_that_answers_otherwise_is_refused(served: Served) -> None:
    """A figure of less work would be none."""
    less = Question("{ devices(first: 3) { nodes { id } } }", {"first": 3}, 1, 100)
    with (
        pytest.raises(Failed, match=r"strawberry answers .* and we answer"),
        beside(["strawberry"], less, served, OPTIONS),
    ):
        pass


def test_a_peer_that_keeps_its_bytes_is_refused(served: Served) -> None:
    """Where devices change, so do the answers."""
    with (
        pytest.raises(Failed, match="something changed meanwhile: False"),
        beside(["prebuilt"], EVERYTHING, served, OPTIONS, changing=True),
    ):
        pass


def test_without_node_the_others_are_measured(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says who is left out, and why."""
    monkeypatch.setattr(node, "missing", lambda: "there is none.")
    with beside(NAMES, EVERYTHING, served, OPTIONS) as subjects:
        assert subjects.keys() == {"strawberry", "prebuilt"}
    line = capsys.readouterr().out.strip()
    assert line == "LEFT OUT: apollo, yoga, mercurius, mercurius_jit: there is none."


@given(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)))
def test_node_is_new_enough_by_number(version: tuple[int, int, int]) -> None:
    """Versions are compared as numbers, as `node --version` writes them."""
    said = "v{}.{}.{}\n".format(*version)
    assert node.new_enough(said) is (version >= (20, 9, 0))


def test_a_broken_node_is_not_new_enough() -> None:
    """What says nothing is no Node."""
    assert not node.new_enough("")


@pytest.mark.parametrize("folder", [node.HERE, HERE], ids=["peers", "clients"])
def test_the_package_names_the_same_node(folder: Path) -> None:
    """package.json and the check ask for one version."""
    package = orjson.loads((folder / "package.json").read_bytes())
    assert package["engines"]["node"] == ">=" + ".".join(map(str, node.LEAST))
