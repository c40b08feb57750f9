// Package bridge answers Letta's WebSocket protocol, the one of port 8282, with
// the REST API of a Letta server.
//
// The protocol is documented and clients for it exist, but no server speaks it
// any more: its own implementation ended with letta 0.4.0, where
// "letta server --type websocket" says NotImplementedError (letta-ai/letta#1069).
// The bridge keeps the frames as they were and drives the API behind them, so
// that the port works with every Letta image and Letta's own example_client.py
// runs unchanged.
//
// # Frames
//
// Every frame is one JSON object in one text message. A client sends
//
//	{"type":"user_message","agent_id":"agent-…","message":"hi"}
//	{"type":"command","command":"create_agent","config":{"name":"x","model":"…"}}
//
// and gets, for a message, one start, any number of responses and one end
//
//	{"type":"agent_response_start"}
//	{"type":"agent_response","message_type":"internal_monologue","message":"…","id":"message-…"}
//	{"type":"agent_response","message_type":"assistant_message","message":"Hel","id":"message-…"}
//	{"type":"agent_response","message_type":"assistant_message","message":"lo","id":"message-…"}
//	{"type":"agent_response","message_type":"function_message","message":"Running f {…}","id":"message-…"}
//	{"type":"agent_response_end","stop_reason":"end_turn"}
//
// and for a command
//
//	{"type":"command_response","status":"OK: Agent initialized: agent-…","agent_id":"agent-…"}
//
// The fields id, stop_reason and agent_id are additions; clients of the old
// protocol never look at them.
//
// Every request ends in exactly one of agent_response_end, agent_response_error,
// command_response and server_error. (The old server sent an end after an error
// too, which the next request of its own example client then took for its own.)
// agent_response_error is a message the server or the agent could not answer;
// a command that failed has a status that begins with "Error:"; server_error is
// a frame the bridge could not use, and its text says what was wrong with it.
// None of them closes the socket.
//
// # Streaming
//
// Answers come as the model writes them: every piece is a frame of its own, and
// the pieces of one message share its id; written one after the other they are
// the message. A client that wants whole messages adds "stream_tokens":false to
// its user_message. Letta's keep-alive pings become WebSocket pings.
//
// # agent_id
//
// agent_id is an agent's id or, as in Letta's example client, its name. It comes
// from the network: only the exact form of an id is ever put in a path.
//
// # Order and ends
//
// The requests of one socket are answered one after the other. Up to eight may
// wait, of no more than 1 MiB together unless it is one; more are refused with a
// server_error. What a client sent before it went away still reaches the server;
// only the reading of the answer ends, and not the agent: Letta finishes the run
// and stores it. A text frame that is not UTF-8 closes the socket with 1007; the
// end of the HTTP request's context closes it with 1001.
package bridge
