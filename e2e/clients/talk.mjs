// Talks to a Letta server with @letta-ai/letta-client: health, an agent, one streamed message, and the agent is gone again.
//
// Prints one JSON object a line, as things happen: at_ms (monotonic), step (health, create, event, delete), data.
// Environment: LETTA_BASE_URL, LETTA_API_KEY, NODE_EXTRA_CA_CERTS (read by the client itself), LETTA_MODEL, LETTA_MESSAGE.
import Letta from "@letta-ai/letta-client";

const say = (step, data) => console.log(JSON.stringify({ at_ms: performance.now(), step, data }));

const client = new Letta();
say("health", await client.health());
const agent = await client.agents.create({
  name: "letta-dev-node", agent_type: "letta_v1_agent", model: process.env.LETTA_MODEL, include_base_tools: false,
});
try {
  say("create", { id: agent.id });
  const input = process.env.LETTA_MESSAGE ?? "hi";
  for await (const event of await client.agents.messages.create(agent.id, { input, streaming: true, stream_tokens: true }))
    say("event", event);
} finally {
  await client.agents.delete(agent.id);
}
say("delete", { id: agent.id });
