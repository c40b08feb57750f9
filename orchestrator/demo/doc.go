// Package demo is the stand-in server behind "up --demo": a fresh machine that
// has no image and no way to get one can still see trusted HTTPS, streaming and
// the WebSocket port at work.
//
// [Handler] answers a small part of the API of letta 0.16.8 in that server's own
// shapes, so that curl, both official clients (1.12.1) and proxy/bridge work
// against it:
//
//	GET    /v1/health/, /v1/ready/        {"version":"demo","status":"ok"}
//	GET    /v1/agents/                    newest first; name, limit, before, after, order
//	POST   /v1/agents/                    wants a model, takes any
//	GET    /v1/agents/{id}, DELETE        404 {"detail":"Agent with ID … not found"}
//	POST   /v1/agents/{id}/messages       JSON, or server-sent events with "streaming":true
//	POST   /v1/agents/{id}/messages/stream
//	GET    /v1/agents/{id}/messages
//	GET    /v1/models/
//	GET    /, /docs, /openapi.json
//
// A collection without its last slash is answered 307 with an absolute Location,
// as by the real server: a proxy that ends TLS has to cope with that
// (letta-ai/letta#3189). Kept, too, is the rule that "streaming":true is for
// clients the server takes for new; with curl use /messages/stream.
//
// It never pretends to be the real server: every answer carries "X-Letta-Dev: demo",
// every message of an agent says that no model runs. Nothing is kept: agents
// and messages live in bounded memory and end with the process. There is no
// password and no database.
//
// [Serve] runs the handler on a listener. [NewImage] packs a static linux
// executable that calls Serve into a container image, without a registry.
package demo
