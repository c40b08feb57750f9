package main

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/proxy"
)

// accessRecord is a proxy.Access as it is kept: its names are a promise to programs that read it.
type accessRecord struct {
	Client    string  `json:"client"`
	Listener  string  `json:"listener"`
	Protocol  string  `json:"protocol"`
	TLS       bool    `json:"tls"`
	Method    string  `json:"method"`
	Host      string  `json:"host"`
	Path      string  `json:"path"`
	Status    int     `json:"status"`
	BytesIn   int64   `json:"bytesIn"`
	BytesOut  int64   `json:"bytesOut"`
	HeadMS    float64 `json:"headMs"`
	TotalMS   float64 `json:"totalMs"`
	Upstream  string  `json:"upstream,omitempty"`
	Cause     string  `json:"cause,omitempty"`
	WebSocket bool    `json:"websocket,omitempty"`
}

func recordOf(a *proxy.Access) accessRecord {
	return accessRecord{
		Client: a.Client, Listener: a.Listener, Protocol: a.Protocol, TLS: a.TLS,
		Method: a.Method, Host: a.Host, Path: a.Path, Status: a.Status, BytesIn: a.BytesIn, BytesOut: a.BytesOut,
		HeadMS: milliseconds(a.Head), TotalMS: milliseconds(a.Total), Upstream: a.Upstream, Cause: a.Cause, WebSocket: a.WebSocket,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

const (
	// batchDelay is how long a record of a request may wait for others, so that many are one write.
	batchDelay = 10 * time.Millisecond
	// maxBatch is the size in bytes that ends the wait.
	maxBatch = 32 << 10
)

// batch is what waits in a journal to be written.
type batch struct {
	delay   time.Duration // 0: nothing waits
	lines   []byte
	entries int
	timer   *time.Timer
}

// access writes, within a moment, that a request is finished.
func (j *journal) access(a *proxy.Access) {
	record, now := recordOf(a), j.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	b := &j.batch
	b.lines = record.appendEntry(b.lines, now)
	b.entries++
	switch {
	case b.delay == 0 || len(b.lines) > maxBatch:
		j.flush()
	case b.entries > 1: // the timer runs
	case b.timer == nil:
		b.timer = time.AfterFunc(b.delay, func() {
			defer crash.Recover()
			j.mu.Lock()
			defer j.mu.Unlock()
			j.flush()
		})
	default:
		b.timer.Reset(b.delay)
	}
}

// flush writes what waits. The lock is held.
func (j *journal) flush() {
	b := &j.batch
	if b.entries == 0 {
		return
	}
	j.write(b.lines, b.entries)
	b.lines, b.entries = b.lines[:0], 0
}

// appendEntry adds the journal's entry of a record as a line. It writes what encoding/json would, at a fifth of its price: there is
// one for each request.
func (r *accessRecord) appendEntry(to []byte, now time.Time) []byte {
	to = append(to, `{"schema":`...)
	to = strconv.AppendInt(to, journalSchema, 10)
	to = append(to, `,"time":"`...)
	to = now.UTC().AppendFormat(to, time.RFC3339Nano)
	to = append(to, `","source":"proxy","access":{"client":`...)
	to = appendJSON(to, r.Client)
	to = appendJSON(append(to, `,"listener":`...), r.Listener)
	to = appendJSON(append(to, `,"protocol":`...), r.Protocol)
	to = strconv.AppendBool(append(to, `,"tls":`...), r.TLS)
	to = appendJSON(append(to, `,"method":`...), r.Method)
	to = appendJSON(append(to, `,"host":`...), r.Host)
	to = appendJSON(append(to, `,"path":`...), r.Path)
	to = strconv.AppendInt(append(to, `,"status":`...), int64(r.Status), 10)
	to = strconv.AppendInt(append(to, `,"bytesIn":`...), r.BytesIn, 10)
	to = strconv.AppendInt(append(to, `,"bytesOut":`...), r.BytesOut, 10)
	to = strconv.AppendFloat(append(to, `,"headMs":`...), r.HeadMS, 'f', -1, 64)
	to = strconv.AppendFloat(append(to, `,"totalMs":`...), r.TotalMS, 'f', -1, 64)
	if r.Upstream != "" {
		to = appendJSON(append(to, `,"upstream":`...), r.Upstream)
	}
	if r.Cause != "" {
		to = appendJSON(append(to, `,"cause":`...), r.Cause)
	}
	if r.WebSocket {
		to = append(to, `,"websocket":true`...)
	}
	return append(to, "}}\n"...)
}

// appendJSON adds a string as JSON.
func appendJSON(to []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string always has a form
			return append(to, quoted...)
		}
	}
	to = append(to, '"')
	to = append(to, s...)
	return append(to, '"')
}
