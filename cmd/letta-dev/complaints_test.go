package main

import (
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy"
)

// complaining is a serving process whose timeline is kept, with a clock that the test sets.
func complaining(certFile string) (s *serving, now *time.Time, lines *[]string) {
	at, said := noon(), []string{}
	s = &serving{cfg: serveConfig{CertFile: certFile}}
	s.complaints.now = func() time.Time { return at }
	s.complaints.say = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	return s, &at, &said
}

// Whoever knocks a thousand times gets one line a minute, and none is forgotten.
func TestComplaintsAreBounded(t *testing.T) {
	s, now, lines := complaining("")
	begin := now.Local().Format(time.TimeOnly)
	knock := func(n int) {
		for range n {
			s.handshake(proxy.HandshakeFailure{Client: "127.0.0.1:9", Cause: "no cipher suite"})
			s.handshake(proxy.HandshakeFailure{Client: "127.0.0.1:9", Untrusted: true, Cause: "unknown certificate authority"})
		}
	}
	knock(1000)
	*now = now.Add(59 * time.Second)
	knock(1)
	*now = now.Add(time.Second)
	knock(3)
	*now = now.Add(-time.Hour) // a clock that is put back silences nobody
	knock(1)
	s.complaints.end()
	plain := "no TLS handshake with 127.0.0.1:9: no cipher suite"
	refused := "the client at 127.0.0.1:9 does not accept our certificate (unknown certificate authority); to change that: letta-dev certs install, and for Python, Node and others: letta-dev env"
	later := now.Add(time.Hour).Local().Format(time.TimeOnly)
	want := []string{
		plain, refused,
		plain + " (and 1000 more like it since " + begin + ")", refused + " (and 1000 more like it since " + begin + ")",
		plain + " (and 2 more like it since " + later + ")", refused + " (and 2 more like it since " + later + ")",
	}
	if !slices.Equal(*lines, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(*lines, "\n"), strings.Join(want, "\n"))
	}
	*lines = nil
	knock(2)
	s.complaints.end()
	s.complaints.end()
	if len(*lines) != 2 || !strings.HasPrefix((*lines)[0], "TLS handshakes that failed: 2 more") || !strings.HasPrefix((*lines)[1], "clients that refused our certificate: 2 more") {
		t.Errorf("at the end: %q", *lines)
	}
}

// Our authority has no part in a pair that somebody brought, so installing it would not help.
func TestComplaintOfAnotherCertificate(t *testing.T) {
	s, _, lines := complaining("/dev.pem")
	s.handshake(proxy.HandshakeFailure{Client: "[::1]:9", Untrusted: true, Cause: "unknown certificate authority"})
	if len(*lines) != 1 || strings.Contains((*lines)[0], "certs install") || !strings.Contains((*lines)[0], "who signed /dev.pem") {
		t.Errorf("said %q", *lines)
	}
}

// A trouble of net/http is one line of bounded length, whatever bytes are in it.
func TestTroublesAreOneLine(t *testing.T) {
	s, _, lines := complaining("")
	log.New(s.troubles(), "", 0).Printf("http: panic serving 127.0.0.1:9: \x1b[2J\ngoroutine 1\n%s", strings.Repeat("frame\n", 10000))
	if len(*lines) != 1 || len((*lines)[0]) > 2*maxTrouble || strings.ContainsAny((*lines)[0], "\x1b\n") || !strings.Contains((*lines)[0], `\x1b[2J\ngoroutine 1`) {
		t.Errorf("said %.200q", *lines)
	}
}
