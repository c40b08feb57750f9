"""Talks to a Letta server with letta-client: health, an agent, one streamed message, and the agent is gone again.

Prints one JSON object a line, as things happen: at_ms (monotonic), step (health, create, event, delete), data.
Environment: LETTA_BASE_URL, LETTA_API_KEY, SSL_CERT_FILE (read by the client itself), LETTA_MODEL, LETTA_MESSAGE.
"""

import json
import os
import time

from letta_client import Letta


def say(step, data):
    print(json.dumps({"at_ms": round(time.monotonic() * 1000, 3), "step": step, "data": data}), flush=True)


client = Letta()
say("health", client.health().model_dump(mode="json"))
agent = client.agents.create(
    name="letta-dev-python", agent_type="letta_v1_agent", model=os.environ["LETTA_MODEL"], include_base_tools=False
)
try:
    say("create", {"id": agent.id})
    message = os.environ.get("LETTA_MESSAGE", "hi")
    for event in client.agents.messages.create(agent_id=agent.id, input=message, streaming=True, stream_tokens=True):
        say("event", event.model_dump(mode="json"))
finally:
    client.agents.delete(agent.id)
say("delete", {"id": agent.id})
