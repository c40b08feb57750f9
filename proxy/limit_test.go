package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

func TestBodyThatSaysItIsTooLarge(t *testing.T) {
	var asked atomic.Int64
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}), func(c *Config) { c.Policy.MaxBody = 1 << 10 })
	g.each(t, func(t *testing.T, w wire) {
		before := asked.Load()
		res, body := w.do(t, "POST", "/", strings.NewReader(strings.Repeat("x", 1<<10+1)), "Origin: https://app.letta.com")
		e := errorIn(t, body)
		if res.StatusCode != 413 || e.Code != "body_too_large" || !strings.Contains(e.Message, "1kb") || e.Hint == "" || asked.Load() != before {
			t.Errorf("%d %+v, asked %d times", res.StatusCode, e, asked.Load()-before)
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "https://app.letta.com" {
			t.Error("a page cannot see why")
		}
		for _, body := range []io.Reader{strings.NewReader(strings.Repeat("x", 1<<10)), io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<10)))} {
			if res, said := w.do(t, "POST", "/", body); res.StatusCode != 200 || said != strconv.Itoa(1<<10) {
				t.Errorf("a body of the size that is allowed: %d %s", res.StatusCode, said)
			}
		}
	})
}

// The answer arrives though its client sends a lot before it looks.
func TestTooLargeIsHeard(t *testing.T) {
	g := start(t, echo(), func(c *Config) { c.Policy.MaxBody = 1 << 20 })
	for _, encrypted := range []bool{false, true} {
		res := g.say(t, encrypted, "POST / HTTP/1.1\r\nHost: letta.localhost\r\nContent-Length: 16000000\r\n\r\n"+strings.Repeat("x", 16000000))
		if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 413 || !res.Close {
			t.Errorf("%d %s %v", res.StatusCode, body, err)
		}
	}
}

// A body that does not say how large it is ends where the limit is, and never looks whole to the upstream.
func TestBodyThatGrowsTooLarge(t *testing.T) {
	ends := make(chan error, 10)
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if n > 1<<20 {
			err = nil // too much
		}
		ends <- err
	}), func(c *Config) { c.Policy.MaxBody = 1 << 20 })
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "POST", "/", io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20+1))))
		if res.StatusCode != 413 || errorIn(t, body).Code != "body_too_large" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		if <-ends == nil {
			t.Error("the upstream took the body for whole")
		}
	})
}

// An answer that began before the body was too large breaks off.
func TestBodyThatGrowsTooLargeBehindTheAnswer(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		io.WriteString(w, "begun")
		_ = control.Flush()
		_, _ = io.Copy(w, r.Body)
	}), func(c *Config) { c.Policy.MaxBody = 1000 })
	g.each(t, func(t *testing.T, w wire) {
		body, more := io.Pipe()
		defer more.Close()
		res, err := w.client.Do(w.request(t, "POST", "/", body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.ReadFull(res.Body, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		go io.WriteString(more, strings.Repeat("x", 1001))
		if rest, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("the answer ended well behind %q", rest)
		}
	})
}

// A client that waits to be asked is told before it sends anything.
func TestTooLargeIsNotAskedFor(t *testing.T) {
	g := start(t, echo(), func(c *Config) { c.Policy.MaxBody = 10 })
	res := g.say(t, false, "POST / HTTP/1.1\r\nHost: letta.localhost\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
	if res.StatusCode != 413 || !res.Close {
		t.Errorf("%d, close %v", res.StatusCode, res.Close)
	}
}

// handClock is a time that passes when a test says so.
type handClock struct{ nanos atomic.Int64 }

func (c *handClock) now() time.Time         { return time.Unix(1_800_000_000, c.nanos.Load()) }
func (c *handClock) passes(d time.Duration) { c.nanos.Add(int64(d)) }
func rated(c *handClock, r policy.Rate) func(*Config) {
	return func(config *Config) { config.Now, config.Policy.Rate = c.now, r }
}

func TestRateOfRequests(t *testing.T) {
	c := &handClock{}
	g := start(t, echo(), rated(c, policy.Rate{Requests: 3, Seconds: 1}))
	g.each(t, func(t *testing.T, w wire) {
		c.passes(time.Minute)
		ask := func() *http.Response {
			res, body := w.do(t, "GET", "/", nil, "Origin: https://app.letta.com")
			if res.StatusCode == 429 && (errorIn(t, body).Code != "too_many_requests" || errorIn(t, body).Hint == "") {
				t.Errorf("%s", body)
			}
			return res
		}
		for i := range 3 {
			if res := ask(); res.StatusCode != 200 {
				t.Fatalf("request %d: %d", i, res.StatusCode)
			}
		}
		if res := ask(); res.StatusCode != 429 || res.Header.Get("Retry-After") != "1" || res.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%d %q", res.StatusCode, res.Header)
		}
		c.passes(time.Second / 3)
		if first, second := ask(), ask(); first.StatusCode != 200 || second.StatusCode != 429 {
			t.Errorf("after a third of a second: %d, %d", first.StatusCode, second.StatusCode)
		}
	})
}

func TestHandshakesCountAndFramesDoNot(t *testing.T) {
	c := &handClock{}
	server := startWS(t, echoBytes)
	g := startAt(t, server.addr, rated(c, policy.Rate{Requests: 1, Seconds: 60}))
	res, s := g.upgrade(t, g.addr, false)
	if res.StatusCode != 101 {
		t.Fatal(res.StatusCode)
	}
	for range 10 {
		io.WriteString(s, "frame")
		if _, err := io.ReadFull(s.r, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
	}
	if res, _ := g.upgrade(t, g.wsAddr, false); res.StatusCode != 429 || res.Header.Get("Retry-After") != "60" {
		t.Errorf("%d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
}

func TestPaceIsOfEachClient(t *testing.T) {
	p, now := newRateLimiter(policy.Rate{Requests: 2, Seconds: 1}), time.Unix(1e9, 0)
	for i, test := range []struct {
		client string
		after  time.Duration
		wait   time.Duration
	}{
		{"a", 0, 0}, {"a", 0, 0}, {"a", 0, 500 * time.Millisecond}, {"b", 0, 0},
		{"a", 200 * time.Millisecond, 300 * time.Millisecond}, {"a", 500 * time.Millisecond, 0}, {"a", 500 * time.Millisecond, 500 * time.Millisecond},
		{"a", time.Hour, 0}, {"a", time.Hour, 0}, {"a", time.Hour, 500 * time.Millisecond}, // an hour saves up no more than a burst
	} {
		if got := p.take(test.client, now.Add(test.after)); got != test.wait {
			t.Errorf("%d: %s after %v waits %v, want %v", i, test.client, test.after, got, test.wait)
		}
	}
}

func TestPaceForgets(t *testing.T) {
	p, now := newRateLimiter(policy.Rate{Requests: 1, Seconds: 1}), time.Unix(1e9, 0)
	client := func(i int) string { return net.IPv4(10, 0, byte(i>>8), byte(i)).String() }
	for i := range maxClients {
		if p.take(client(i), now) != 0 {
			t.Fatal("a first request waits")
		}
	}
	if p.take("late", now) != 0 || p.take("later", now) == 0 || len(p.full) > maxClients+1 {
		t.Errorf("strangers do not share a bucket, among %d", len(p.full))
	}
	if p.take(client(0), now) == 0 {
		t.Error("a known client was forgotten")
	}
	if p.take("next", now.Add(time.Second)) != 0 || len(p.full) > 2 {
		t.Errorf("%d clients are known that are as new", len(p.full))
	}
}

// Whatever the times and the order, a client gets no more than the rate and one burst.
func FuzzPace(f *testing.F) {
	f.Add(uint8(3), []byte{0, 0, 0, 9, 200, 1})
	f.Fuzz(func(t *testing.T, requests uint8, pauses []byte) {
		r := policy.Rate{Requests: max(1, int(requests)), Seconds: 1}
		p, begin := newRateLimiter(r), time.Unix(1e9, 0)
		now, granted := begin, 0
		for _, pause := range pauses {
			now = now.Add(time.Duration(pause) * time.Millisecond)
			if wait := p.take("a", now); wait == 0 {
				granted++
			} else if wait > r.Interval() {
				t.Fatalf("waits %v for one token of %v", wait, r.Interval())
			}
		}
		if most := int(now.Sub(begin)/r.Interval()) + r.Burst(); granted > most {
			t.Fatalf("%d granted in %v, at most %d", granted, now.Sub(begin), most)
		}
	})
}
