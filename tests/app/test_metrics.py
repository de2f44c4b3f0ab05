"""Metrics as Prometheus finds them: who sees them, what they count, what is never in them."""

import re
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families as families

from app.metering import Toll
from app.working import working
from engine import Engine
from tests.app.conftest import Api
from tests.app.test_socket import WATCH, opened
from tests.app.test_sse import streamed
from tests.conftest import both_engines

TOKEN = "only-for-tests-of-metrics"
DEVICES = "{ devices(first: 2) { nodes { id name } } }"
PAGE = (Path(__file__).parents[2] / "docs/operate.md").read_text(encoding="utf-8")


@pytest.fixture
def metrics_token() -> str:
    """What the house of these tests is shown for its metrics."""
    return TOKEN


async def scraped(api: Api, token: str = TOKEN) -> aiohttp.ClientResponse:
    """What a GET of the metrics answers."""
    shown = {"Authorization": f"Bearer {token}"}
    response = await api.http.get(f"{api.base_url}/metrics", headers=shown)
    await response.read()
    return response


async def samples(api: Api) -> dict[str, float]:
    """Each sample, by its name and labels as they are written."""
    text = await (await scraped(api)).text()
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sample.labels.items()): (
            sample.value
        )
        for family in families(text)
        for sample in family.samples
    }


async def test_only_the_operator_is_shown_them(api: Api) -> None:
    """Neither a partner, nor who shows nothing, nor who shows anything else."""
    for header in ({}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer é"}):
        response = await api.http.get(f"{api.base_url}/metrics", headers=header)
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert "latchkey_" not in await response.text()
    assert (await scraped(api, api.token())).status == 401
    response = await scraped(api)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


@both_engines
async def test_operations_are_counted_by_what_ran_them(api: Api, engine: Engine) -> None:
    """The compiled engine, or the reason why it was another."""
    await api.ask("query($n: Int) { devices(first: $n) { totalCount } }")
    await api.ask("{ __schema { queryType { name } } }")
    found = await samples(api)
    ran = {"compiled": {"compiled": 1, "introspection": 1}, "reference": {"reference": 2}}
    counted = {f"latchkey_graphql_operations_total{{way={w}}}": n for w, n in ran[engine].items()}
    assert counted.items() <= found.items()


@pytest.mark.parametrize("engine", ["auto"])
async def test_documents_and_answers_are_counted(api: Api) -> None:
    """A text is judged once, good or bad; an answer is given again while nothing changed."""
    for query in (DEVICES, DEVICES, DEVICES, "{ nothing }", "{ nothing }"):
        await api.post({"query": query})
    found = await samples(api)
    assert found["latchkey_graphql_documents_total{outcome=prepared}"] == 1
    assert found["latchkey_graphql_documents_total{outcome=refused}"] == 1
    assert found["latchkey_graphql_documents_kept"] == found["latchkey_graphql_programs_total"] == 1
    assert found["latchkey_graphql_operations_total{way=first}"] == 1
    assert found["latchkey_answers_total{outcome=reused}"] >= 1
    assert found["latchkey_answers_kept"] == 1


async def test_what_is_held_is_shown(api: Api) -> None:
    """Homes and devices in memory, open sockets and what runs on them, logs, transactions."""
    await api.ask(DEVICES)
    async with opened(api) as socket, streamed(api, WATCH):
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        found = await samples(api)
    total = (await api.ask("{ devices { totalCount } }"))["devices"]["totalCount"]
    assert (found["latchkey_snapshot_homes"], found["latchkey_snapshot_devices"]) == (1, total)
    assert (found["latchkey_sockets"], found["latchkey_socket_operations"]) == (1, 1)
    assert (found["latchkey_watches"], found["latchkey_watches_behind"]) == (2, 0)
    assert found["latchkey_event_streams"] == 1
    assert found["latchkey_feed_logs"] >= 2
    assert found["latchkey_feed_look_age_seconds"] < 3
    assert found["latchkey_commit_works_count"] >= 4
    assert found["latchkey_commit_works_sum"] >= found["latchkey_commit_works_count"]
    assert found["latchkey_commit_works_bucket{le=200.0}"] == found["latchkey_commit_works_count"]
    assert found["latchkey_broadcast_connected"] == 1
    assert found["latchkey_broadcast_reconnects_total"] == 0
    # With memory:// there is nobody to be told who has not been.
    assert found["latchkey_broadcast_hints_total{outcome=published}"] == 0
    assert found["latchkey_broadcast_hints_total{outcome=lost}"] == 0
    assert found["latchkey_tasks_dead"] == 0


async def test_a_closed_socket_is_counted_no_more(api: Api) -> None:
    """However it was closed."""
    async with opened(api) as socket:
        await socket.send("no message")
        assert (await socket.closed())[0] == 4400
    found = await samples(api)
    assert (found["latchkey_sockets"], found["latchkey_socket_operations"]) == (0, 0)
    assert found["latchkey_watches"] == 0


async def test_nothing_of_people_is_in_them(api: Api) -> None:
    """No id, no name, and nothing that a client sent."""
    await api.post({"query": "query Mine { devices { nodes { id mine: name } } }"})
    await api.post({"query": "{ devices { hacked } }"})
    text = await (await scraped(api)).text()
    told = (api.home_id, api.user.id, api.client.id, api.user.name, "Partner", "ine", "hacked")
    assert [each for each in told if re.search(rf'"[^"]*{each}', text)] == []


async def test_the_page_names_each_of_them(api: Api) -> None:
    """docs/operate.md lists what is counted, here and by workers, and nothing that is not."""
    shown = re.findall(r"^# TYPE (latchkey_\S+)", await (await scraped(api)).text(), re.MULTILINE)
    async with working(api.house) as worker:
        toll = generate_latest(Toll(worker, api.house.services.planner)).decode()
    shown += re.findall(r"^# TYPE (latchkey_\S+)", toll, re.MULTILINE)
    assert sorted(re.findall(r"^\| `(latchkey_\w+)", PAGE, re.MULTILINE)) == sorted(shown)
