package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/proxy"
)

// complaintEvery is how often one kind of complaint may stand on the timeline.
const complaintEvery = time.Minute

// complaints are lines that clients or a failing server can cause at will: the first of a kind is written at once, those within a minute of
// it are counted, and at its end the last of them says how many they were.
type complaints struct {
	say func(format string, args ...any)
	now func() time.Time

	mu    sync.Mutex
	kinds map[string]*complaint
}

type complaint struct {
	said   time.Time
	unsaid int         // since then
	last   string      // of those
	timer  *time.Timer // runs while some are unsaid
}

// add writes a complaint or counts it. There must be few kinds.
func (c *complaints) add(kind, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	k := c.kinds[kind]
	if k == nil {
		k = &complaint{}
		if c.kinds == nil {
			c.kinds = map[string]*complaint{}
		}
		c.kinds[kind] = k
	} else if since := now.Sub(k.said); since >= 0 && since < complaintEvery { // before it: the clock was put back
		if k.unsaid++; k.unsaid == 1 {
			k.timer = time.AfterFunc(complaintEvery-since, func() { c.sayLast(k) })
		}
		k.last = line
		return
	}
	c.write(k, line)
}

// sayLast writes the last of the complaints that were counted.
func (c *complaints) sayLast(k *complaint) {
	defer crash.Recover()
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.unsaid > 0 {
		k.unsaid--
		c.write(k, k.last)
	}
}

func (c *complaints) write(k *complaint, line string) {
	if k.unsaid > 0 {
		line += fmt.Sprintf(" (and %d more like it since %s)", k.unsaid, k.said.Local().Format(time.TimeOnly))
	}
	if k.timer != nil {
		k.timer.Stop()
	}
	k.said, k.unsaid, k.timer = c.now(), 0, nil
	c.say("%s", line)
}

// end writes the counts that no line has said.
func (c *complaints) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		if k := c.kinds[kind]; k.unsaid > 0 {
			c.say("%s: %d more since %s", kind, k.unsaid, k.said.Local().Format(time.TimeOnly))
			k.unsaid = 0
			k.timer.Stop()
		}
	}
}

// handshake is a TLS handshake that failed.
func (s *serving) handshake(f proxy.HandshakeFailure) {
	if !f.Untrusted {
		s.complaints.add("TLS handshakes that failed", fmt.Sprintf("no TLS handshake with %s: %s", f.Client, f.Cause))
		return
	}
	advice := "letta-dev certs install, and for Python, Node and others: letta-dev env"
	if s.cfg.CertFile != "" {
		advice = "have it trust who signed " + s.cfg.CertFile
	}
	s.complaints.add("clients that refused our certificate",
		fmt.Sprintf("the client at %s does not accept our certificate (%s); to change that: %s", f.Client, f.Cause, advice))
}

// maxTrouble bounds a line of trouble in bytes: the head of a stack trace tells enough.
const maxTrouble = 2 << 10

// troubles takes what net/http has to say for itself, a panic most of all.
func (s *serving) troubles() io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		text := strings.TrimSpace(string(p))
		if len(text) > maxTrouble {
			text = text[:maxTrouble] + "..."
		}
		quoted := strconv.QuoteToASCII(text)
		s.complaints.add("troubles of the HTTP server", quoted[1:len(quoted)-1])
		return len(p), nil
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
