package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// enough is far more than all buffers of the way hold together, and far less than a body that is collected.
const enough = 64 << 20

// TestSlowHeadsHinderNobody: neither the others, nor the stop.
func TestSlowHeadsHinderNobody(t *testing.T) {
	g := start(t, echo(), nil, func(p *Proxy) { p.limits.head = patience })
	for i := range 200 {
		io.WriteString(g.raw(t, g.addr, false), get("X: " + strings.Repeat("a", 4<<10))[:100*(i%40)+40])
	}
	g.each(t, func(t *testing.T, w wire) {
		for range 5 {
			if res, _ := w.do(t, "POST", "/", strings.NewReader("{}")); res.StatusCode != 200 {
				t.Errorf("status %d", res.StatusCode)
			}
		}
	})
	begin := time.Now()
	if err := g.stop(); err != nil || time.Since(begin) > patience/2 {
		t.Errorf("the stop took %v: %v", time.Since(begin), err)
	}
}

// stalls writes until nobody takes more for a while, and returns how much that was.
func stalls(c interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}) (sent int, err error) {
	block := make([]byte, 64<<10)
	for sent < enough {
		c.SetWriteDeadline(time.Now().Add(time.Second / 2))
		n, err := c.Write(block)
		if sent += n; err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// TestBodyThatNobodyReads stays with the client.
func TestBodyThatNobodyReads(t *testing.T) {
	up := startRaw(t, func(c *rawConn) {
		if r, err := http.ReadRequest(c.in); err == nil && r.URL.Path == "/unread" {
			<-t.Context().Done()
			return
		}
		io.WriteString(c, clean)
	})
	g := startAt(t, up.addr, nil)
	for _, e := range g.entrances() {
		c := e.say(t, strings.Replace(post("Content-Length: 1000000000\r\n", ""), "/", "/unread", 1))
		if sent, err := stalls(c); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d bytes were taken, %v", e.name, sent, err)
		}
	}
	f := g.frames(t)
	f.head(1, false, pseudo("POST", "/unread")...)
	window := f.windowOf(1)
	if window > 8<<20 {
		t.Errorf("https2: %d bytes may come in advance", window)
	}
	g.each(t, func(t *testing.T, w wire) {
		if res, body := w.do(t, "GET", "/", nil); res.StatusCode != 200 || body != "clean" {
			t.Errorf("others are answered %d %q", res.StatusCode, body)
		}
	})
}

// windowOf writes DATA as long as the proxy has room for it, and returns how much that was. A PING tells that no more room comes.
func (f *framer) windowOf(stream uint32) (sent int) {
	conn, room := 65535, 65535 // RFC 9113, section 6.9.2
	for {
		if n := min(conn, room, 16<<10); n > 0 {
			if err := f.WriteData(stream, false, make([]byte, n)); err != nil {
				f.t.Fatal(err)
			}
			conn, room, sent = conn-n, room-n, sent+n
			continue
		}
		if err := f.WritePing(false, [8]byte{}); err != nil {
			f.t.Fatal(err)
		}
		before := conn + room
		for pong := false; !pong; {
			frame, err := f.ReadFrame()
			if err != nil {
				f.t.Fatal(err)
			}
			switch frame := frame.(type) {
			case *http2.WindowUpdateFrame:
				if frame.StreamID == 0 {
					conn += int(frame.Increment)
				} else {
					room += int(frame.Increment)
				}
			case *http2.SettingsFrame:
				if v, ok := frame.Value(http2.SettingInitialWindowSize); ok {
					room += int(v) - 65535
				}
			case *http2.PingFrame:
				pong = true
			}
		}
		if conn+room == before || sent > enough {
			return sent
		}
	}
}

// TestReaderThatNeverReads: the answer stays with the upstream, which hears of the client's end.
func TestReaderThatNeverReads(t *testing.T) {
	stalled, ended := make(chan int, 1), make(chan error, 1)
	up := startRaw(t, func(c *rawConn) {
		if r, err := http.ReadRequest(c.in); err != nil || r.URL.Path != "/endless" {
			io.WriteString(c, clean)
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		sent, _ := stalls(c)
		stalled <- sent
		c.SetWriteDeadline(time.Now().Add(patience))
		var err error
		for err == nil {
			_, err = c.Write(make([]byte, 64<<10))
		}
		ended <- err
	})
	g := startAt(t, up.addr, nil)
	check := func(name string, leave func()) {
		if sent := <-stalled; sent >= enough {
			t.Errorf("%s: the upstream could send %d bytes to a client that reads none", name, sent)
		}
		if res, body := g.wires(g.addr)[1].do(t, "GET", "/", nil); res.StatusCode != 200 || body != "clean" {
			t.Errorf("%s: others are answered %d %q", name, res.StatusCode, body)
		}
		leave()
		if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the upstream never heard that the client left", name)
		}
	}
	for _, e := range g.entrances() {
		c := e.say(t, target("/endless"))
		check(e.name, func() { c.Close() })
	}
	f := g.frames(t)
	f.head(1, true, pseudo("GET", "/endless")...)
	check("https2", func() { f.WriteRSTStream(1, http2.ErrCodeCancel) })
}

// TestEventsThroughASmallWindow: a client of HTTP/2 that takes 7 bytes at a time gets all of them, and the end.
func TestEventsThroughASmallWindow(t *testing.T) {
	const events = "data: one\n\ndata: two\n\ndata: three\n\n"
	g := startAt(t, answersOnce(t, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\nb\r\ndata: two\n\n\r\nd\r\ndata: three\n\n\r\n0\r\n\r\n").addr, nil)
	f := g.frames(t)
	f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 7})
	f.head(1, true, pseudo("GET", "/")...)
	var got strings.Builder
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatalf("after %q: %v", got.String(), err)
		}
		data, ok := frame.(*http2.DataFrame)
		if !ok {
			continue
		}
		if got.Write(data.Data()); len(data.Data()) > 7 {
			t.Fatalf("%d bytes at once", len(data.Data()))
		}
		if data.StreamEnded() {
			break
		}
		f.WriteWindowUpdate(1, max(uint32(len(data.Data())), 1))
	}
	if got.String() != events {
		t.Errorf("got %q", got.String())
	}
}

// TestUploadThatIsReset is a client that left, in the record too, and the upstream never takes the request for whole.
func TestUploadThatIsReset(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for _, length := range []string{"content-length: 200", "x: y"} {
		for range 20 {
			f := g.frames(t)
			f.head(1, false, pseudo("POST", "/", length)...)
			f.WriteData(1, false, []byte("ab"))
			f.WriteRSTStream(1, http2.ErrCodeCancel)
			if a := g.access(t); a.Status != 499 || !strings.Contains(a.Cause, "client left") {
				t.Fatalf("%s: access %d %q", length, a.Status, a.Cause)
			}
		}
	}
	if whole := requestsIn(up.heard()...); len(whole) > 0 {
		t.Errorf("the upstream took for whole: %q", whole)
	}
}
