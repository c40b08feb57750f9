package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// A direction that is alone goes on while something comes, whatever time that takes, and ends behind halfOpen without a byte.
func TestOneDirectionGoesOnWhileItMoves(t *testing.T) {
	for name, row := range map[string]struct {
		reads  []string // "" is halfOpen without a byte, "EOF" the end
		wrote  string
		clocks int // begun
		cause  string
	}{
		"silent from the beginning": {[]string{""}, "", 1, "the upstream sent nothing for 1h0m0s"},
		"silent behind a message":   {[]string{"a", "", ""}, "a", 2, "the upstream sent nothing"},
		"one message an hour":       {[]string{"a", "", "b", "", "c", "", "EOF"}, "abc", 4, ""},
		"many messages an hour":     {[]string{"a", "b", "c", "", "d", "EOF"}, "abcd", 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var record Access
			p := &Proxy{limits: limits{halfOpen: time.Hour}, bodies: &sync.Pool{New: func() any { b := make([]byte, 100); return &b }}}
			p.config.setDefaults()
			p.config.Access = func(a *Access) { record = *a }
			upstream, client := &scripted{reads: row.reads}, &scripted{}
			w := &webSocket{proxy: p}
			w.inbound = direction{of: w, to: upstream}
			w.outbound = direction{of: w, from: idleReader{conn: upstream, pool: p.bodies}, to: client}
			w.outbound.bytes.Add(1000) // before it was alone
			w.ended(&w.inbound, nil)
			w.outbound.run()
			if client.wrote.String() != row.wrote || upstream.renewals != row.clocks || !strings.Contains(record.Cause, row.cause) || row.cause == "" && record.Cause != "" {
				t.Errorf("wrote %q, %d renewals, cause %q", client.wrote.String(), upstream.renewals, record.Cause)
			}
		})
	}
}

// TestCauseNamesTheSideThatFailed: the one whose connection was read or written.
func TestCauseNamesTheSideThatFailed(t *testing.T) {
	for want, inbound := range map[string]bool{
		"relaying from the client: it broke": true, "relaying to the upstream: it broke": true,
		"relaying from the upstream: it broke": false, "relaying to the client: it broke": false,
	} {
		var record Access
		p := relayingProxy(time.Hour)
		p.config.Access = func(a *Access) { record = *a }
		from, to := net.Conn(&scripted{reads: []string{"a"}}), net.Conn(&brokenConn{})
		if strings.Contains(want, "from") {
			from, to = to, from
		}
		w := &webSocket{proxy: p}
		d := &w.outbound
		if inbound {
			d = &w.inbound
		}
		*d = direction{of: w, from: idleReader{conn: from, pool: p.bodies}, to: to}
		d.other().of, d.other().to, d.other().done = w, from, true
		if d.run(); record.Cause != want {
			t.Errorf("%q, want %q", record.Cause, want)
		}
	}
}

// A brokenConn can neither be read nor written.
type brokenConn struct{ scripted }

func (*brokenConn) Read([]byte) (int, error)  { return 0, errors.New("it broke") }
func (*brokenConn) Write([]byte) (int, error) { return 0, errors.New("it broke") }

// A scripted connection reads what it is told.
type scripted struct {
	net.Conn
	reads    []string
	renewals int
	wrote    bytes.Buffer
}

func (c *scripted) Read(p []byte) (int, error) {
	next := c.reads[0]
	c.reads = c.reads[1:]
	switch next {
	case "":
		return 0, os.ErrDeadlineExceeded
	case "EOF":
		return 0, io.EOF
	}
	return copy(p, next), nil
}

func (c *scripted) Write(p []byte) (int, error)       { return c.wrote.Write(p) }
func (c *scripted) SetReadDeadline(t time.Time) error { c.renewals++; return nil }
func (c *scripted) SetWriteDeadline(time.Time) error  { return nil }
func (c *scripted) Close() error                      { return nil }
