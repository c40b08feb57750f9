package proxy

import "time"

// Access is the record of one finished request. Texts that came from the client
// are printable ASCII, bounded in length, and free of secrets.
type Access struct {
	Time     time.Time // when the request head had arrived
	Client   string    // address of the client
	Listener string    // address it came in on
	Protocol string    // "HTTP/1.1", "HTTP/2.0"
	TLS      bool
	Method   string
	Host     string
	Path     string // path and query, secrets replaced by ***; for what is no request, its target, or nothing
	Status   int    // 101 for a WebSocket; 499 when the client left before an answer

	BytesIn  int64 // body, or for a WebSocket the bytes after the handshake
	BytesOut int64

	Head  time.Duration // until the answer's head was sent; 0 if none was
	Total time.Duration

	Upstream  string // name of the upstream that was asked, "bridge", or empty
	Cause     string // why we answered ourselves, or why the answer broke off
	WebSocket bool
}
