package proxy

import (
	"bytes"
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
			w.outbound = direction{of: w, from: tap{conn: upstream, pool: p.bodies}, to: client}
			w.outbound.bytes.Add(1000) // before it was alone
			w.ended(&w.inbound, nil)
			w.outbound.run()
			if client.wrote.String() != row.wrote || upstream.renewals != row.clocks || !strings.Contains(record.Cause, row.cause) || row.cause == "" && record.Cause != "" {
				t.Errorf("wrote %q, %d renewals, cause %q", client.wrote.String(), upstream.renewals, record.Cause)
			}
		})
	}
}

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
