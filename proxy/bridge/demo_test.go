package bridge_test

import (
	"context"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// The bridge in front of the stand-in, as "up --demo" runs them.
func TestConversationWithTheDemo(t *testing.T) {
	c := connect(t, demo.Handler(demo.Options{Pace: func(context.Context) error { return nil }}))
	c.send(`{"type":"command","command":"create_agent","config":{"name":"agent_26","model":"letta-dev/demo"}}`)
	created := c.receive()
	if created.Type != "command_response" || !strings.HasPrefix(created.AgentID, "agent-") {
		t.Fatalf("%+v", created)
	}
	for _, agent := range []string{created.AgentID, "agent_26", "demo"} {
		c.say(agent, "hi")
		var said string
		all := c.receiveAll()
		for _, f := range all {
			said += f.Message
		}
		if want := `This is the letta-dev demo: no model runs here. You said: "hi"`; said != want || len(all) != 12 {
			t.Errorf("%s: %d frames, %q", agent, len(all), said)
		}
		if last := all[len(all)-1]; last.Type != "agent_response_end" || last.StopReason != "end_turn" {
			t.Errorf("%s ended with %+v", agent, last)
		}
	}
	c.say("agent_27", "hi")
	all := c.receiveAll()
	if last := all[len(all)-1]; last.Type != "agent_response_error" {
		t.Errorf("%+v", last)
	}
	c.send(`{"type":"command","command":"create_agent","config":{"name":"x"}}`)
	if f := c.receive(); f.Status != "Error: failed to create the agent: the Letta server answered 400 Bad Request: INVALID_ARGUMENT: Must specify either model or llm_config. (letta-dev demo: any model will do)" {
		t.Errorf("%+v", f)
	}
}

// The server's own words reach the client.
func TestDemoAgentThatIsGone(t *testing.T) {
	c := connect(t, demo.Handler(demo.Options{}))
	c.say(agentID, "hi")
	all := c.receiveAll()
	if last := all[len(all)-1]; last.Message != "the Letta server answered 404 Not Found: Agent with ID "+agentID+" not found" {
		t.Errorf("%+v", last)
	}
}
