"""A demo that follows a scenario file."""

from pathlib import Path

from tests.processes import ROOT, Starter, partner_of

DOOR = """
steps:
  - { at: 0, speed: 0 }
  - { at: 30, device: Front door, report: { locked: false } }
"""
LOCK = '{ devices(filter: { name: "front door" }) { nodes { home { id } state { locked } } } }'
WATCH = "subscription { deviceStatusChanged { device { name } changed causedBy { id } } }"
STEP = """mutation($home: ID!) {
  simulateTime(input: { homeId: $home, speed: 1, stepSeconds: 60 }) { speed }
}"""


async def test_what_is_written_happens_when_it_is_due(starter: Starter, tmp_path: Path) -> None:
    """The home's time is held at the start; half a minute put in brings what is due."""
    (tmp_path / "door.yaml").write_text(DOOR)
    demo = starter.demo("--scenario", "door.yaml")
    partner = partner_of(demo)
    (before,) = (await partner.ask(LOCK))["devices"]["nodes"]
    assert before["state"]["locked"] is True
    async with partner.watching(WATCH) as watching:
        await partner.ask(STEP, home=demo.ready["home_id"])
        while (event := await watching.next())["device"]["name"] != "Front door":
            pass
    assert event["changed"][0] == "locked"  # and perhaps the battery, of which it cost a little
    assert event["causedBy"] == []


def test_the_evening_of_the_documents_can_be_followed(starter: Starter) -> None:
    """The file that the documents show names homes and devices that are there."""
    assert starter.demo("--scenario", str(ROOT / "docs/examples/evening.yaml")).ready


def test_a_scenario_that_cannot_be_followed(starter: Starter, tmp_path: Path) -> None:
    """The demo does not start, and says why in one sentence."""
    (tmp_path / "barn.yaml").write_text("steps: [{ at: 1, home: Barn, speed: 2 }]")
    said = starter.refused("demo", "--port", "0", "--scenario", "barn.yaml")
    assert "there is no home 'Barn', only Maple Street, Harbour flat" in said
    assert "Traceback" not in said
