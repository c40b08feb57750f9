package proxy

import (
	"fmt"
	"strings"
	"time"
)

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
	Path     string // path and query, secrets in the query replaced by ***
	Status   int    // 101 for a WebSocket; 499 when the client left before an answer

	BytesIn  int64 // body, or for a WebSocket the bytes after the handshake
	BytesOut int64

	Head  time.Duration // until the answer's head was sent; 0 if none was
	Total time.Duration

	Upstream  string // name of the upstream that was asked, "bridge", or empty
	Cause     string // why we answered ourselves, or why the answer broke off
	WebSocket bool
}

// printable makes client text safe for a log and a terminal.
func printable(s string) string {
	const limit = 2048
	if len(s) <= limit && !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for i, c := range []byte(s) {
		switch {
		case i == limit:
			b.WriteString("...")
			return b.String()
		case !unprintable(rune(c)):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r <= ' ' || r >= 0x7f }

// redact replaces the values of query parameters that look like secrets, and leaves
// out user information and a fragment. Both separators count: some servers split at
// ";" as well.
func redact(target string) string {
	target, _, _ = strings.Cut(target, "#")
	if scheme, rest, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(target, "/") {
		authority, _, _ := strings.Cut(rest, "/")
		target = scheme + "://" + rest[strings.LastIndexByte(authority, '@')+1:]
	}
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	var b strings.Builder
	b.WriteString(path + "?")
	for query != "" {
		end := strings.IndexAny(query, "&;")
		pair, separator := query, ""
		if end >= 0 {
			pair, separator = query[:end], query[end:end+1]
		}
		query = query[len(pair)+len(separator):]
		if name, _, found := strings.Cut(pair, "="); found && secretName(name) {
			pair = name + "=***"
		}
		b.WriteString(pair + separator)
	}
	return b.String()
}

// secretName reports whether a parameter's name promises a secret. It would
// rather hide too much: "monkey" is hidden too.
func secretName(name string) bool {
	name = lower(unescaped(name))
	for _, word := range []string{"token", "key", "secret", "pass", "pwd", "auth", "credential", "signature", "session", "bearer", "assertion"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "sig" || name == "code" || name == "jwt" || name == "otp"
}
