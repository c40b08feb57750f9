package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/letta-dev/letta-dev/crash"
)

// How many requests of one socket may wait for their turn, and the bytes of all of
// them; one may always wait.
const (
	maxWaiting      = 8
	maxWaitingBytes = 1 << 20
)

// errGone is reported, not sent: there is nobody to send it to.
var errGone = errors.New("the client left before the end of the answer, which the agent finishes")

var errNotUTF8 = errors.New("a text frame is not UTF-8")

// session is one socket. Four goroutines share it: one reads frames, one answers
// them in their order, one sends pings, one waits for the end of the server.
//
// None of them gives a context that can end to a read or a write: the library
// then cuts the connection without a close frame. They end because the connection
// does.
type session struct {
	bridge   *Bridge
	conn     *websocket.Conn
	remote   string
	incoming chan incoming
	waiting  atomic.Int64 // bytes of the frames in incoming
	ping     chan struct{}
}

// incoming is a frame of the client: a request, or why it is none.
type incoming struct {
	request
	err  error
	at   time.Time
	size int64 // bytes
}

func newSession(b *Bridge, conn *websocket.Conn, remote string) *session {
	return &session{
		bridge:   b,
		conn:     conn,
		remote:   remote,
		incoming: make(chan incoming, maxWaiting),
		ping:     make(chan struct{}, 1),
	}
}

// run serves the socket until the client or ctx ends it and returns why it ended.
// No goroutine outlives it.
func (s *session) run(ctx context.Context) (err error) {
	client, gone := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		defer crash.Recover()
		err = s.read()
		close(s.incoming)
		gone()
	})
	all.Go(func() { s.keepAlive(client) })
	all.Go(func() {
		defer crash.Recover()
		<-client.Done()
		if ctx.Err() != nil {
			s.conn.Close(websocket.StatusGoingAway, "the bridge is stopping")
		}
	})
	for in := range s.incoming {
		s.waiting.Add(-in.size)
		s.answer(ctx, client, in)
	}
	s.conn.CloseNow()
	all.Wait()
	switch websocket.CloseStatus(err) {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd:
		return nil
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// read puts the client's frames in line until the connection ends.
func (s *session) read() error {
	for {
		kind, data, err := s.conn.Read(context.Background())
		if err != nil {
			return err
		}
		in := incoming{at: time.Now(), size: int64(len(data))}
		switch {
		case kind != websocket.MessageText:
			in.err = errors.New("a binary frame is not part of this protocol: send JSON as text")
		case !utf8.Valid(data): // RFC 6455, section 8.1
			s.conn.Close(websocket.StatusInvalidFramePayloadData, errNotUTF8.Error())
			return errNotUTF8
		default:
			in.request, in.err = parseRequest(data)
		}
		if !s.enqueue(in) {
			in.err = fmt.Errorf("more than %d requests are waiting, or more than %d MiB: read the answers first", maxWaiting, maxWaitingBytes>>20)
			s.refuse(in)
		}
	}
}

// enqueue puts a frame in line. It does not wait for a place: that would leave pings
// unanswered.
func (s *session) enqueue(in incoming) bool {
	if waiting := s.waiting.Add(in.size); waiting > max(in.size, maxWaitingBytes) {
		s.waiting.Add(-in.size)
		return false
	}
	select {
	case s.incoming <- in:
		return true
	default:
		s.waiting.Add(-in.size)
		return false
	}
}

// keepAlive pings the client at every interval, and when the server pinged us.
// It closes the connection when the client does not answer.
func (s *session) keepAlive(client context.Context) {
	defer crash.Recover()
	every := s.bridge.cfg.PingInterval
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-client.Done():
			return
		case <-tick.C:
		case <-s.ping:
		}
		ctx, cancel := context.WithTimeout(context.Background(), every)
		err := s.conn.Ping(ctx)
		cancel()
		if err != nil {
			s.conn.CloseNow()
			return
		}
	}
}

// answer answers one frame, even if the client is gone by now: whether a message
// reaches its agent must not depend on how fast the client hung up.
func (s *session) answer(ctx, client context.Context, in incoming) {
	switch {
	case ctx.Err() != nil: // all ends here
	case in.err != nil:
		s.refuse(in)
	case in.config != nil:
		s.create(ctx, in)
	default:
		s.converse(ctx, client, in)
	}
}

func (s *session) refuse(in incoming) {
	s.write(serverErrorFrame(in.err))
	s.bridge.stats.failures.Add(1)
	s.report(Event{Kind: Refused, Took: time.Since(in.at), Err: in.err})
}

func (s *session) create(ctx context.Context, in incoming) {
	id, err := s.bridge.letta.createAgent(ctx, in.config)
	answer := createdFrame(id)
	if err != nil {
		answer = commandErrorFrame(fmt.Errorf("failed to create the agent: %w", err))
	}
	s.write(answer)
	s.count(err)
	s.report(Event{Kind: CreateAgent, Agent: id, Took: time.Since(in.at), Err: err})
}

func (s *session) converse(ctx, client context.Context, in incoming) {
	s.write(startFrame())
	err := s.relay(ctx, client, in.request)
	switch {
	case ctx.Err() != nil || client.Err() != nil:
		err = errGone
	case err != nil:
		s.write(agentErrorFrame(err))
	}
	s.count(err)
	s.report(Event{Kind: Message, Agent: clip(in.agent), Took: time.Since(in.at), Err: err})
}

// relay passes an agent's answer on as it comes, up to its end frame.
func (s *session) relay(ctx, client context.Context, req request) error {
	agent, err := s.bridge.letta.findAgent(ctx, req.agent)
	if err != nil {
		return err
	}
	var t translator
	var stopReason string
	ended := false
	for m, err := range s.bridge.letta.send(ctx, client, agent, req) {
		switch {
		case ended: // only what the server still sends before it closes
			continue
		case err != nil:
			return err
		case m.Type == "ping":
			s.pingSoon()
		case m.Type == "stop_reason":
			stopReason = m.StopReason
		case m.Type == done:
			s.write(endFrame(stopReason))
			ended = true
		}
		for _, f := range t.frames(m) {
			if err := s.write(f); err != nil {
				return err
			}
		}
	}
	if !ended {
		s.write(endFrame(stopReason))
	}
	return nil
}

// pingSoon asks for a ping without waiting for its pong. Requests that come while
// one is under way become one.
func (s *session) pingSoon() {
	select {
	case s.ping <- struct{}{}:
	default:
	}
}

// write sends one frame. It waits for a slow client until the next ping finds that
// it takes no bytes at all.
func (s *session) write(f frame) error {
	return s.conn.Write(context.Background(), websocket.MessageText, f.encode())
}

func (s *session) count(err error) {
	s.bridge.stats.requests.Add(1)
	if err != nil {
		s.bridge.stats.failures.Add(1)
	}
}

func (s *session) report(ev Event) {
	if s.bridge.cfg.Event == nil {
		return
	}
	ev.Remote = s.remote
	s.bridge.cfg.Event(ev)
}
