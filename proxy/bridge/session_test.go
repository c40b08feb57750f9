package bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/letta-dev/letta-dev/proxy/bridge"
)

func TestBadFrameLeavesTheSocketOpen(t *testing.T) {
	c := connect(t, sse("data: [DONE]\n\n"))
	for _, bad := range []string{"", "hello", `{"type":"x"}`, `{"type":"user_message","message":"hi"}`} {
		c.send(bad)
		if f := c.receive(); f.Type != "server_error" || f.Message == "" {
			t.Errorf("%q: %+v", bad, f)
		}
	}
	if err := c.conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"command"}`)); err != nil {
		t.Fatal(err)
	}
	if f := c.receive(); f != (frame{Type: "server_error", Message: "a binary frame is not part of this protocol: send JSON as text"}) {
		t.Errorf("%+v", f)
	}
	c.say(agentID, "hi")
	if got := texts(c.receiveAll()); !slices.Equal(got, []string{"agent_response_start", "agent_response_end"}) {
		t.Errorf("after bad frames: %q", got)
	}
}

func TestLongFrameEndsTheSocket(t *testing.T) {
	_, front := serve(t, sse("data: [DONE]\n\n"), func(cfg *bridge.Config) { cfg.MaxFrame = 1000 })
	c := dial(t, front)
	c.say(agentID, strings.Repeat("x", 900))
	c.receiveAll()
	c.say(agentID, strings.Repeat("x", 1000))
	_, _, err := c.conn.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("got %v", err)
	}
}

// held is a server whose answers wait for a word from the test.
func held() (http.HandlerFunc, chan struct{}) {
	next := make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case <-next:
		case <-r.Context().Done():
			return
		}
		var req struct{ Messages []struct{ Content string } }
		json.Unmarshal(body, &req)
		sse(piece(req.Messages[0].Content)+"data: [DONE]\n\n")(w, r)
	}, next
}

func TestRequestsAreAnsweredInOrder(t *testing.T) {
	handler, next := held()
	c := connect(t, handler)
	c.say(agentID, "one")
	c.send("not JSON")
	c.say(agentID, "two")
	go func() { next <- struct{}{}; next <- struct{}{} }()
	var got []string
	for range 3 {
		got = append(got, texts(c.receiveAll())...)
	}
	want := []string{
		"agent_response_start", "agent_response one", "agent_response_end",
		"server_error the frame is not JSON: invalid character 'o' in literal null (expecting 'u')",
		"agent_response_start", "agent_response two", "agent_response_end",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestTooManyRequestsAreRefused(t *testing.T) {
	handler, next := held()
	c := connect(t, handler)
	c.say(agentID, "0")
	c.receive() // it is being answered
	for i := range 10 {
		c.say(agentID, fmt.Sprint(i+1))
	}
	refused := "more than 8 requests are waiting, or more than 1 MiB: read the answers first"
	for range 2 {
		if f := c.receive(); f != (frame{Type: "server_error", Message: refused}) {
			t.Fatalf("%+v", f)
		}
	}
	close(next)
	for i := range 9 {
		all := c.receiveAll()
		if got := all[len(all)-2]; got.Message != fmt.Sprint(i) {
			t.Errorf("answer %d is %+v", i, got)
		}
	}
}

// What waits is bounded in bytes, too; one frame may always wait.
func TestTooManyBytesAreRefused(t *testing.T) {
	handler, next := held()
	_, front := serve(t, handler, func(cfg *bridge.Config) { cfg.MaxFrame = 2 << 20 })
	c := dial(t, front)
	c.conn.SetReadLimit(2 << 20)
	c.say(agentID, "0")
	c.receive() // it is being answered
	long := strings.Repeat("x", 1<<20)
	c.say(agentID, long)
	c.say(agentID, "1")
	refused := "more than 8 requests are waiting, or more than 1 MiB: read the answers first"
	if f := c.receive(); f != (frame{Type: "server_error", Message: refused}) {
		t.Fatalf("%+v", f)
	}
	close(next)
	for _, want := range []string{"0", long} {
		all := c.receiveAll()
		if got := all[len(all)-2]; got.Message != want {
			t.Errorf("answer %.20q, not %.20q", got.Message, want)
		}
	}
	c.say(agentID, long) // there is room again
	if all := c.receiveAll(); all[len(all)-1].Type != "agent_response_end" {
		t.Errorf("%+v", all)
	}
}

// RFC 6455, section 8.1. An agent would read something that nobody wrote.
func TestTextThatIsNotUTF8EndsTheSocket(t *testing.T) {
	var closed bridge.Event
	ended := make(chan struct{})
	_, front := serve(t, sse("data: [DONE]\n\n"), func(cfg *bridge.Config) {
		cfg.Event = func(ev bridge.Event) {
			if ev.Kind == bridge.Closed {
				closed = ev
				close(ended)
			}
		}
	})
	c := dial(t, front)
	c.say(agentID, "é")
	c.receiveAll()
	c.send(`{"type":"user_message","agent_id":"` + agentID + `","message":"` + "\xff" + `"}`)
	if _, _, err := c.conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusInvalidFramePayloadData {
		t.Errorf("got %v", err)
	}
	<-ended
	if closed.Err == nil || closed.Err.Error() != "a text frame is not UTF-8" {
		t.Errorf("%+v", closed)
	}
}

func TestClientThatLeavesEndsTheReading(t *testing.T) {
	ended := make(chan error)
	b, front := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sse(piece("a"))(w, r)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		ended <- r.Context().Err()
	}), nil)
	c := dial(t, front)
	c.say(agentID, "hi")
	c.receive()
	c.receive() // the answer has begun
	if open := b.Stats().Open; open != 1 {
		t.Errorf("%d sockets are open", open)
	}
	c.conn.CloseNow()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the request ended with %v", err)
	}
}

func TestMessagesOfAClientThatLeftAreDelivered(t *testing.T) {
	got := make(chan string)
	_, front := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
		sse("data: [DONE]\n\n")(w, r)
	}), nil)
	c := dial(t, front)
	c.say(agentID, "one")
	c.say(agentID, "two")
	c.send(`{"type":"command","command":"create_agent","config":{"name":"three"}}`)
	go c.conn.Close(websocket.StatusNormalClosure, "")
	for _, want := range []string{"one", "two", "three"} {
		if body := <-got; !strings.Contains(body, want) {
			t.Errorf("%s, want %q", body, want)
		}
	}
}

func TestEventsAndStats(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	closed := make(chan struct{})
	b, front := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if strings.HasSuffix(r.URL.Path, "messages") {
			sse("data: [DONE]\n\n")(w, r)
			return
		}
		http.Error(w, `{"detail":"no"}`, 400)
	}), func(cfg *bridge.Config) {
		cfg.Event = func(ev bridge.Event) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%s %s %v", ev.Kind, ev.Agent, ev.Err))
			if ev.Remote == "" || ev.Took < 0 {
				t.Errorf("%+v", ev)
			}
			if ev.Kind == bridge.Closed {
				close(closed)
			}
		}
	})
	c := dial(t, front)
	c.say(agentID, "secret")
	c.receiveAll()
	c.send("[]")
	c.receiveAll()
	c.send(`{"type":"command","command":"create_agent","config":{}}`)
	c.receiveAll()
	c.conn.Close(websocket.StatusNormalClosure, "")
	<-closed
	want := []string{
		"open  <nil>", "message " + agentID + " <nil>", "refused  the frame must be a JSON object, not array",
		"create_agent  the Letta server answered 400 Bad Request: no", "close  <nil>",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got %q", seen)
	}
	if got := b.Stats(); got.Sockets != 1 || got.Requests != 2 || got.Failures != 2 {
		t.Errorf("%+v", got)
	}
}

// bubble is a bridge and a client of it in memory, for tests in which time is not
// real. The client's conn must be read for pings to be answered.
type bubble struct {
	client
	stop  context.CancelFunc // ends the context of the bridge's requests
	pings chan struct{}
	mute  atomic.Bool // answer no pings
	ended chan bridge.Event
}

func newBubble(t *testing.T, transport http.RoundTripper) *bubble {
	ctx, cancel := context.WithCancel(context.Background())
	b := &bubble{stop: cancel, pings: make(chan struct{}, 100), ended: make(chan bridge.Event, 1)}
	handler := bridge.New(bridge.Config{Server: "http://letta", Transport: transport, Event: func(ev bridge.Event) {
		if ev.Kind == bridge.Closed {
			b.ended <- ev
		}
	}})
	here, there := net.Pipe()
	srv := &http.Server{Handler: handler, BaseContext: func(net.Listener) context.Context { return ctx }}
	go srv.Serve(&single{conn: there, done: ctx.Done()})
	dialer := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil },
	}}
	conn, _, err := websocket.Dial(ctx, "ws://bridge/", &websocket.DialOptions{
		HTTPClient: dialer,
		OnPingReceived: func(context.Context, []byte) bool {
			b.pings <- struct{}{}
			return !b.mute.Load()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.client = client{t, conn}
	t.Cleanup(func() { conn.CloseNow(); cancel() })
	return b
}

// single is a listener with one connection.
type single struct {
	conn net.Conn
	done <-chan struct{}
}

func (l *single) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return &net.TCPAddr{} }

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClientIsPingedEveryHalfMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, nil)
		go b.conn.Read(context.Background()) // answers pings
		begin := time.Now()
		for i := range 3 {
			<-b.pings
			if took := time.Since(begin); took != time.Duration(i+1)*30*time.Second {
				t.Errorf("ping %d came after %v", i+1, took)
			}
		}
	})
}

func TestClientWithoutPongIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.mute.Store(true)
		go b.conn.Read(context.Background())
		if ev := <-b.ended; ev.Took != time.Minute || ev.Err == nil {
			t.Errorf("ended after %v with %v", ev.Took, ev.Err)
		}
	})
}

// Here not even the ping can be sent: the client reads nothing at all.
func TestClientThatDoesNotReadIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, nil)
		if ev := <-b.ended; ev.Took != 35*time.Second || ev.Err == nil {
			t.Errorf("ended after %v with %v", ev.Took, ev.Err)
		}
	})
}

// Letta sends a ping when an agent is silent; a client must see that it is alive.
func TestPingOfTheServerBecomesAPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		more, write := io.Pipe()
		b := newBubble(t, transport(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: more}, nil
		}))
		b.say(agentID, "hi")
		b.receive()
		begin := time.Now()
		go func() {
			io.WriteString(write, recorded[0])
			<-b.pings
			io.WriteString(write, "data: [DONE]\n\n")
			write.Close()
		}()
		if f := b.receive(); f.Type != "agent_response_end" || time.Since(begin) != 0 {
			t.Errorf("%+v after %v", f, time.Since(begin))
		}
	})
}

func TestEndOfTheContextClosesTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, transport(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		b.say(agentID, "hi") // an answer is under way
		b.receive()
		b.stop()
		_, _, err := b.conn.Read(context.Background())
		if websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("got %v", err)
		}
		if ev := <-b.ended; ev.Err != nil || ev.Took != 0 {
			t.Errorf("ended after %v with %v", ev.Took, ev.Err)
		}
	})
}
