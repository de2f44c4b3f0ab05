"""The commands of docs/oauth.md, pasted into a shell in their order, do what it says."""

import asyncio
import json
import re
import shlex
import sys
from pathlib import Path

import aiohttp

from app.server import bound, listening
from core.domain.accounts import ClientAuth
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


async def test_the_commands_work(sqlite_url: str, run_house: Run, tmp_path: Path) -> None:
    """From the metadata to the revocation; the user's yes is the only thing done otherwise."""
    metadata, app, ask, redeem, query, refresh, introspect, revoke, *keys = BLOCK.findall(
        DOCUMENT.read_text(encoding="utf-8")
    )
    proof, bind, show, sign, prove = keys
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
            await shell.paste(f"{proof}{bind}")
            assert json.loads((tmp_path / "bound.json").read_text())["token_type"] == "DPoP"
            assert json.loads(await shell.paste(show))["data"]["viewer"]["client"]
            signer = await house.services.accounts.create_client(
                "Signer", auth=ClientAuth.PRIVATE_KEY, jwks=await shell.paste(sign)
            )
            answer = await shell.paste(f"export SIGNER_ID={signer.id}\n{prove}")
            assert "access_token" in json.loads(answer)
