"""The commands of docs/oauth.md, pasted into a shell in their order, do what it says."""

import asyncio
import json
import re
import shlex
import sys
from datetime import timedelta
from pathlib import Path

import aiohttp

from app.address import bound
from app.server import listening
from core.domain.accounts import ClientAuth
from core.domain.audit import OPERATOR
from core.domain.grants import Scope
from tests.app.oauth.site import App, Site, told
from tests.conftest import Run
from tests.core.services.estate import settle

ASKED = {Scope.DEVICES_READ, Scope.DEVICES_CONTROL}
DOCUMENT = Path(__file__).parents[2] / "docs/oauth.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Shell:
    """One shell after the other, each with what the one before exported."""

    def __init__(self, folder: Path, **exported: str) -> None:
        self._folder = folder
        lines = [f"export {name}={shlex.quote(value)}" for name, value in exported.items()]
        # The interpreter of the tests has what the document asks for.
        lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
        (folder / "exported").write_text("\n".join(lines))

    async def paste(self, commands: str) -> str:
        """What the commands print."""
        script = f"set -eu\n. ./exported\n{commands}\nexport -p > exported\n"
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", script, cwd=self._folder, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
        assert process.returncode == 0, commands
        return printed.decode()


def section(heading: str) -> list[str]:
    """The commands below a heading."""
    text = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    return BLOCK.findall(text.partition("\n## ")[0])


async def test_the_commands_work(sqlite_url: str, run_house: Run, tmp_path: Path) -> None:
    """From the metadata to the revocation; the user's yes is the only thing done otherwise."""
    metadata, app, ask, redeem, query, refresh, introspect, revoke, *_ = BLOCK.findall(
        DOCUMENT.read_text(encoding="utf-8")
    )
    with bound("127.0.0.1", 0) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            run_house(sqlite_url, public_url=base) as house,
            listening(house, listener),
            aiohttp.ClientSession() as http,
        ):
            estate = await settle(house)
            site = Site(base, http, estate, App(estate.client))
            mine = site.app = await site.new_app(ClientAuth.BASIC)
            secrets = {"CLIENT_ID": mine.client.id, "CLIENT_SECRET": mine.secret or ""}
            shell = Shell(tmp_path, BASE=base, **secrets)
            assert json.loads(await shell.paste(metadata))["issuer"] == base
            await shell.paste(app)
            url = (await shell.paste(ask)).strip()
            async with http.get(url, allow_redirects=False) as response:
                request = told(response.headers["Location"])["request"]
            grant = await site.grant()
            back = await house.services.authorizations.approve(request, grant.user_id, grant, ASKED)
            await shell.paste(f"export CODE={told(back)['code']}\n{redeem}")
            assert "Ada's home" in await shell.paste(query)
            await shell.paste(refresh)
            assert json.loads(await shell.paste(introspect))["active"]
            assert await shell.paste(revoke) == "{}"
            assert json.loads(await shell.paste(introspect)) == {"active": False}
            own, document = section("For the app itself")
            await shell.paste(own)
            registered = json.loads(await shell.paste(document))["data"]["registerDocument"]
            assert registered["id"].startswith("sha256:")
            (personal,) = section("Personal access tokens")
            key, _ = await house.services.personal_keys.make(
                grant.user_id, "terminal", ASKED, grant.shares, 7
            )
            assert "Ada" in await shell.paste(f"export KEY={key}\n{personal}")
            register, read, change, remove = section("Register by program")
            registrations = house.services.registrations
            token, _ = await registrations.invite("Lamps", 1, timedelta(days=1), by=OPERATOR)
            await shell.paste(f"export INITIAL_TOKEN={token}\n{register}")
            assert json.loads(await shell.paste(read))["client_name"] == "Lamp Whisperer"
            assert json.loads(await shell.paste(change))["client_name"] == "Lamp Singer"
            assert await shell.paste(remove) == ""
            assert json.loads(await shell.paste(read))["error"] == "invalid_token"
            proof, bind, show = section("Bind tokens to a key")
            sign, prove = section("Prove who you are with a key")
            await shell.paste(f"{proof}{bind}")
            assert json.loads((tmp_path / "bound.json").read_text())["token_type"] == "DPoP"
            assert json.loads(await shell.paste(show))["data"]["viewer"]["client"]
            signer = await house.services.accounts.create_client(
                "Signer", auth=ClientAuth.PRIVATE_KEY, jwks=await shell.paste(sign)
            )
            answer = await shell.paste(f"export SIGNER_ID={signer.id}\n{prove}")
            assert "access_token" in json.loads(answer)


async def test_the_commands_of_a_device_work(
    sqlite_url: str, run_house: Run, tmp_path: Path
) -> None:
    """It waits, its user types what it printed and says yes, and then it has tokens."""
    show, poll = section("An app on a device without a browser")
    with bound("127.0.0.1", 0) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            run_house(sqlite_url, public_url=base) as house,
            listening(house, listener),
            aiohttp.ClientSession() as http,
        ):
            site = Site(base, http, estate := await settle(house), App(estate.client))
            mine = site.app = await site.new_app(ClientAuth.BASIC)
            secrets = {"CLIENT_ID": mine.client.id, "CLIENT_SECRET": mine.secret or ""}
            shell = Shell(tmp_path, BASE=base, **secrets)
            printed = (await shell.paste(show)).strip()
            assert printed.startswith(f"Open {base}/device and type ")
            assert await shell.paste(poll) == "authorization_pending\n"
            services, user = house.services, estate.user.id
            request = await services.device_codes.enter(printed[-9:], user, "192.0.2.1")
            await services.authorizations.approve(request, user, await site.grant(), ASKED)
            assert await shell.paste(poll) == "devices:control devices:read\n"
