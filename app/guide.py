"""What the demo says on the terminal: where to click, and three commands to paste."""

from collections.abc import Mapping
from string import Template

QUERY = (
    "{ devices(first: 50) { nodes { name kind online room { name }"
    " state { on brightness temperature } } } }"
)
MUTATION = (
    "mutation($id: ID!) { controlDevice(input: { deviceId: $id, state: { on: true, brightness: 40 }"
    " }) { status error { code message } device { state { on brightness } } } }"
)
SUBSCRIPTION = (
    "subscription { deviceStatusChanged { device { name } changed"
    " state { on brightness temperature motion contact } causedBy { id } } }"
)

GUIDE = Template(
    """
Latchkey serves two simulated homes. Open one in a browser and see it live:

$base_url/

Whose homes they are sees and takes back what apps get:

$base_url/account   (name: $username, password: $password)

Their API is at $graphql_url (in a browser: GraphiQL, with access).
To use it from another terminal, paste the token first (it is good for 12 hours):

export TOKEN=$access_token

1. Ask for the devices:

curl -s $graphql_url -H "Authorization: Bearer $$TOKEN" -H "Content-Type: application/json" \\
  -d '{"query": "$query"}'

2. Dim the living room lamp, and wait until the lamp itself says that it did:

curl -s $graphql_url -H "Authorization: Bearer $$TOKEN" -H "Content-Type: application/json" \\
  -d '{"variables": {"id": "$light_id"}, "query": "$mutation"}'

3. Watch the homes live (Ctrl-C ends it):

.venv/bin/python - <<'END'
import json, os
from websockets.sync.client import connect

token = {"authorization": "Bearer " + os.environ["TOKEN"]}
query = "$subscription"
with connect("$ws_url", subprotocols=["graphql-transport-ws"]) as socket:
    socket.send(json.dumps({"type": "connection_init", "payload": token}))
    socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
    for message in socket:
        print(message)
        if json.loads(message)["type"] == "ping":
            socket.send(json.dumps({"type": "pong"}))
END

4. Be an app that somebody connects with their home: run this, open the address that it prints,
   sign in as $username, and choose what it may see (what you take back is gone at once):

export CLIENT_ID=$client_id CLIENT_SECRET=$client_secret
.venv/bin/python docs/examples/partner.py $base_url

Ctrl-C here ends the demo. The homes stay in .latchkey/; --fresh forgets them.
"""
)


def text(fields: Mapping[str, str | None]) -> str:
    """The guide with this demo's addresses, token and lamp."""
    documents = {"query": QUERY, "mutation": MUTATION, "subscription": SUBSCRIPTION}
    return GUIDE.substitute(**documents, **fields)
