// Package model is the language model of the end-to-end tests: a small server with the part of OpenAI's API that
// Letta uses, which answers every message with one fixed text in ten pieces.
//
// A container reaches it through host.docker.internal, which is the gateway of the engine's bridge; so that is the
// address to bind:
//
//	addr, err := model.BridgeAddr("docker0")
//	llm, err := model.Start(addr)
//	defer llm.Close()
//	run(append(env, "OPENAI_API_KEY=any", "OPENAI_BASE_URL="+llm.URL("host.docker.internal"))...)
//
// Letta asks for the models once, when it starts: the model has to be there first. The agent's model is then
// "openai-proxy/" + [Name].
//
// What the last user message says decides how it is answered:
//
//	please wait for NAME        the pieces come one by one, as the test lets them: see [Server.Gate]
//	please fail 500             an error of the server; the same with 429 and any other status from 400
//	please drop                 half of the pieces, then the connection is cut
//	anything else               ten pieces, [DefaultPace] apart
//
// A test that text arrives piece by piece needs no clock: it asks for a gate, and opens it for the next piece when the
// client has shown the one before. Whatever holds pieces back on the way then stops the conversation for good.
package model
