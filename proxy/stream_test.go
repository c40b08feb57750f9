package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestEventsPassOneByOne: the upstream writes an event only after the client has
// confirmed the one before, so a byte kept back anywhere stops the test.
func TestEventsPassOneByOne(t *testing.T) {
	confirmed := make(chan int)
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		for i := range 5 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-confirmed:
			case <-r.Context().Done():
				return
			}
		}
	}), nil)
	for _, contentType := range []string{"text/event-stream; charset=utf-8", "application/json"} {
		g.each(t, func(t *testing.T, w wire) {
			res, err := w.client.Do(w.request(t, "POST", "/v1/agents/a/messages", strings.NewReader("{}"), "Accept: "+contentType))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			lines := bufio.NewScanner(res.Body)
			for i := range 5 {
				if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) || !lines.Scan() {
					t.Fatalf("event %d: %q, %v", i, lines.Text(), lines.Err())
				}
				confirmed <- i
			}
			if lines.Scan() || lines.Err() != nil {
				t.Errorf("after the last event: %q, %v", lines.Text(), lines.Err())
			}
		})
	}
}

// TestHeadArrivesBeforeTheBody: a stream may be silent after its head.
func TestHeadArrivesBeforeTheBody(t *testing.T) {
	headSeen := make(chan struct{})
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		select {
		case <-headSeen:
		case <-r.Context().Done():
		}
		io.WriteString(w, "body")
	}), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, err := w.client.Do(w.request(t, "GET", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		headSeen <- struct{}{}
		if b, err := io.ReadAll(res.Body); string(b) != "body" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// TestUploadsStream: the upstream must have read the first byte before the client
// makes the last part, and everything arrives.
func TestUploadsStream(t *testing.T) {
	sizes := map[string]int64{"http1": 64 << 20, "https1": 8 << 20, "https2": 8 << 20}
	began := make(chan struct{}, 1)
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 1)
		io.ReadFull(r.Body, first)
		began <- struct{}{}
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n+1, err)
	}), nil)
	for _, sized := range []bool{false, true} {
		g.each(t, func(t *testing.T, w wire) {
			size := sizes[w.name]
			block := bytes.Repeat([]byte("x"), 1<<20)
			blocks := int(size) / len(block)
			pr, pw := io.Pipe()
			go func() {
				for i := range blocks {
					if i == blocks-1 {
						<-began
					}
					pw.Write(block)
				}
				pw.Close()
			}()
			r := w.request(t, "POST", "/v1/folders/f/upload", pr)
			r.ContentLength = map[bool]int64{true: size, false: -1}[sized]
			res, err := w.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if b, _ := io.ReadAll(res.Body); string(b) != fmt.Sprintln(size, nil) {
				t.Errorf("upstream read %s, want %d", b, size)
			}
			if a := g.access(t); a.BytesIn != size {
				t.Errorf("access counts %d", a.BytesIn)
			}
		})
	}
}

// TestConversationInOneRequest: both bodies at once, one line after the other.
func TestConversationInOneRequest(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, "heard", lines.Text())
			w.(http.Flusher).Flush()
		}
	}), nil)
	g.each(t, func(t *testing.T, w wire) {
		pr, pw := io.Pipe()
		defer pw.Close()
		res, err := w.client.Do(w.request(t, "POST", "/", pr))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answers := bufio.NewScanner(res.Body)
		for _, word := range []string{"one", "two", "three"} {
			fmt.Fprintln(pw, word)
			if !answers.Scan() || answers.Text() != "heard "+word {
				t.Fatalf("after %q: %q, %v", word, answers.Text(), answers.Err())
			}
		}
	})
}

// TestClientThatLeavesEndsTheUpstreamRequest, and is recorded as such.
func TestClientThatLeavesEndsTheUpstreamRequest(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	}), nil)
	g.each(t, func(t *testing.T, w wire) {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-asked; cancel() }()
		if _, err := w.client.Do(w.request(t, "GET", "/", nil).WithContext(ctx)); err == nil {
			t.Fatal("an answer came")
		}
		<-ended
		if a := g.access(t); a.Status != 499 || !strings.Contains(a.Cause, "client left") {
			t.Errorf("access %+v", a)
		}
	})
}

// TestIdleUpstreamConnectionsAreReused, so that an answer costs no new one.
func TestIdleUpstreamConnectionsAreReused(t *testing.T) {
	var dials atomic.Int32
	g := start(t, echo(), func(c *Config) {
		dial := c.REST.Dial
		c.REST.Dial = func(ctx context.Context) (net.Conn, error) { dials.Add(1); return dial(ctx) }
	})
	for range 5 {
		g.wires(g.addr)[2].do(t, "GET", "/", nil)
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections for five requests", n)
	}
}
