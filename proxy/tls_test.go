package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// failing runs a proxy whose failed handshakes can be waited for.
func failing(t *testing.T, tune ...func(*Proxy)) (*rig, <-chan HandshakeFailure) {
	t.Helper()
	failures := make(chan HandshakeFailure, 100)
	g := start(t, http.NotFoundHandler(), func(c *Config) { c.HandshakeFailed = func(f HandshakeFailure) { failures <- f } }, tune...)
	return g, failures
}

func TestHandshakeFailures(t *testing.T) {
	g, failures := failing(t)
	protocols := make([]string, 200)
	for i := range protocols {
		protocols[i] = strings.Repeat("\x1b[2J\n", 50)
	}
	for name, c := range map[string]struct {
		client    *tls.Config
		untrusted bool
		cause     string
	}{
		"who does not know our root":       {&tls.Config{ServerName: "localhost"}, true, "bad certificate"},
		"who does not, in TLS 1.2":         {&tls.Config{ServerName: "localhost", MaxVersion: tls.VersionTLS12}, true, "bad certificate"},
		"who expects another name":         {&tls.Config{ServerName: "example.com", RootCAs: g.roots}, true, "bad certificate"},
		"of another age":                   {&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false, "unsupported versions"},
		"who speaks another language":      {&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"\x1b]0;"}}, false, `unsupported application protocols`},
		"who speaks very many, to the log": {&tls.Config{InsecureSkipVerify: true, NextProtos: protocols}, false, "unsupported application protocols"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", g.addr, c.client)
			if err == nil {
				conn.Close()
				t.Fatal("the handshake succeeded")
			}
			select {
			case f := <-failures:
				if f.Untrusted != c.untrusted || !strings.Contains(f.Cause, c.cause) || !strings.HasPrefix(f.Client, "127.0.0.1:") {
					t.Errorf("told %+v", f)
				}
				if i := strings.IndexFunc(f.Cause, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 || len(f.Cause) > 210 {
					t.Errorf("a log may not hold %q", f.Cause)
				}
			case <-time.After(patience):
				t.Error("nothing was told")
			}
		})
	}
}

// Who leaves in the middle is no news: browsers open connections in advance.
func TestHandshakesLeftAreNoNews(t *testing.T) {
	g, failures := failing(t, func(p *Proxy) { p.limits.head = 10 * time.Millisecond })
	hello := clientHello(t)
	for _, sent := range [][]byte{hello[:1], hello[:5], hello[:len(hello)-1], hello} {
		conn, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if len(sent) > 5 { // else it stays, and is shown the door
			conn.(*net.TCPConn).CloseWrite()
		}
		_, _ = io.Copy(io.Discard, conn) // until the proxy closes it
		conn.Close()
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	for range len(failures) {
		t.Errorf("told %+v", <-failures)
	}
}

// Nor is one that a client resets, as a scanner does.
func TestHandshakesResetAreNoNews(t *testing.T) {
	g, failures := failing(t)
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(clientHello(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil { // the server's answer: it waits for ours
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // RST in the place of FIN
		t.Fatal(err)
	}
	conn.Close()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	for range len(failures) {
		t.Errorf("told %+v", <-failures)
	}
}

// A handshake under way does not hold up the stop.
func TestStopEndsHandshakes(t *testing.T) {
	g, _ := failing(t, func(p *Proxy) { p.limits.head = 10 * patience })
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hello := clientHello(t)
	if _, err := conn.Write(hello); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil { // the server's answer: it is in the handshake
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- g.stop() }()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Error("it still waits for the client")
	}
}

// OpenSSL says in the clear, in the middle of an encrypted handshake, that it does not know an authority.
func TestHandshakeFailureInTheClear(t *testing.T) {
	g, failures := failing(t)
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(clientHello(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	const changeCipherSpec, unknownCA = "\x14\x03\x03\x00\x01\x01", "\x15\x03\x03\x00\x02\x02\x30"
	if _, err := io.WriteString(conn, changeCipherSpec+unknownCA); err != nil {
		t.Fatal(err)
	}
	select {
	case f := <-failures:
		if !f.Untrusted || f.Cause != "unknown certificate authority" {
			t.Errorf("told %+v", f)
		}
	case <-time.After(patience):
		t.Error("nothing was told")
	}
}

// clientHello is what a client sends first.
func clientHello(t *testing.T) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		_ = tls.Client(far, &tls.Config{InsecureSkipVerify: true}).Handshake() // it is not answered
		far.Close()
	}()
	record := make([]byte, 5)
	if _, err := io.ReadFull(near, record); err != nil {
		t.Fatal(err)
	}
	hello := make([]byte, int(record[3])<<8+int(record[4]))
	if _, err := io.ReadFull(near, hello); err != nil {
		t.Fatal(err)
	}
	return append(record, hello...)
}

// Whatever words crypto/tls may find, a log gets printable ones.
func TestHandshakeFailureIsPrintable(t *testing.T) {
	f := failureOf(&net.TCPAddr{}, errors.New("tls: client said \x1b[2J\r\nforged line é "+strings.Repeat("x", 10000)))
	if !strings.HasPrefix(f.Cause, "client said ?[2J??forged line ? xxx") || len(f.Cause) > 210 || f.Untrusted {
		t.Errorf("told %+v", f)
	}
}

// What the system calls a reset is known as one, as errors of connections carry it.
func TestResetsAreKnown(t *testing.T) {
	for _, reset := range resets() {
		if err := (&net.OpError{Op: "read", Err: os.NewSyscallError("read", reset)}); !isReset(err) {
			t.Errorf("%v is no reset", err)
		}
	}
	if isReset(io.EOF) {
		t.Error("an orderly end is a reset")
	}
}

// Clients of HTTP/1.0 may say so in the handshake (the identifiers of ALPN are IANA's: RFC 7301, section 6).
func TestHTTP10InTLS(t *testing.T) {
	g := start(t, echo(), nil)
	c := tls.Client(g.raw(t, g.addr, false), &tls.Config{RootCAs: g.roots, ServerName: "letta.localhost", NextProtos: []string{"http/1.0"}})
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\nHost: letta.localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if replies, err := readReplies(c, "GET"); err != nil || !slices.Equal(statuses(replies), []int{200}) {
		t.Errorf("answered %d, %v", statuses(replies), err)
	}
	browser := &tls.Config{RootCAs: g.roots, ServerName: "letta.localhost", NextProtos: []string{"http/1.0", "http/1.1", "h2"}}
	c = tls.Client(g.raw(t, g.addr, false), browser)
	if err := c.Handshake(); err != nil || c.ConnectionState().NegotiatedProtocol != "h2" {
		t.Errorf("%q, %v: who speaks more gets more", c.ConnectionState().NegotiatedProtocol, err)
	}
}
