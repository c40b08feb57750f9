package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// sentPieces is a body whose pieces a test sends.
type sentPieces chan string

func (p sentPieces) next() ([]byte, error) {
	piece, ok := <-p
	if !ok {
		return nil, io.EOF
	}
	return []byte(piece), nil
}
func (p sentPieces) trailer() http1.Fields { return nil }
func (p sentPieces) whole() bool           { return false }
func (p sentPieces) beforeWait(func())     {}
func (p sentPieces) abandon() bool         { close(p); return true }

// A body is cut off when nothing of it came for the limit, and for no other pause. The clock is that of synctest, which passes
// when everybody waits.
func TestBodiesThatPause(t *testing.T) {
	const limit = 5 * time.Minute
	for name, test := range map[string]struct {
		pause func(body sentPieces, u *upload, server net.Conn)
		still bool
	}{
		"moves now and then": {func(body sentPieces, _ *upload, server net.Conn) {
			go io.Copy(io.Discard, server)
			for range 30 {
				time.Sleep(limit - time.Minute)
				body <- "x"
			}
		}, false},
		"never moves": {func(_ sentPieces, _ *upload, server net.Conn) {
			io.Copy(io.Discard, server)
		}, true},
		"moves no more": {func(body sentPieces, _ *upload, server net.Conn) {
			body <- "x"
			begin := time.Now()
			io.Copy(io.Discard, server)
			if took := time.Since(begin); took < limit || took > limit*5/4 {
				t.Errorf("cut off after %v", took)
			}
		}, true},
		"is not taken by the upstream": {func(body sentPieces, _ *upload, server net.Conn) {
			body <- strings.Repeat("x", 1<<20)
			time.Sleep(time.Hour)
			go io.Copy(io.Discard, server)
		}, false},
		"pauses behind the answer": {func(body sentPieces, u *upload, server net.Conn) {
			go io.Copy(io.Discard, server)
			body <- "x"
			time.Sleep(limit - time.Minute)
			u.settle()
			time.Sleep(time.Hour)
			body <- "x"
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				body, pool := make(sentPieces), new(http1.Pool)
				up := &upstreamConn{Conn: client, out: http1.NewWriter(client, pool)}
				x := &exchange{proxy: &Proxy{limits: limits{bodyIdle: limit}}, request: &request{}, body: body}
				up.out.Request("POST", "/", nil, http1.Framing{Kind: http1.Chunked})
				u := startUpload(x, up)
				test.pause(body, u, server)
				if still := x.bodyErr.Load() != nil; still != test.still {
					t.Errorf("taken for still: %v", still)
				}
				if err := x.bodyErr.Load(); err != nil && !errors.Is(*err, errBodyIdle) {
					t.Error(*err)
				}
				go io.Copy(io.Discard, server)
				u.finish()
				server.Close()
			})
		})
	}
}

// The client is told, its connection ends, and the upstream has not got a whole request.
func TestBodyThatDoesNotMove(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil, func(p *Proxy) { p.limits.bodyIdle = 200 * time.Millisecond })
	for _, e := range g.entrances() {
		for name, bytes := range map[string]string{
			"length":       post("Content-Length: 10\r\n", ""),
			"half of it":   post("Content-Length: 10\r\n", "01234"),
			"chunks":       post("Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n"),
			"a chunk line": post("Transfer-Encoding: chunked\r\n", "5;"),
			"a trailer":    post("Transfer-Encoding: chunked\r\n", "0\r\nX: "),
			"asked for it": post("Expect: 100-continue\r\nContent-Length: 10\r\n", ""),
		} {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				replies := e.converse(t, bytes)
				want := []int{408}
				if name == "asked for it" {
					want = []int{100, 408}
				}
				if got := statuses(replies); !reflect.DeepEqual(got, want) || !replies[len(got)-1].Close || errorIn(t, replies[len(got)-1].body).Code != "body_stalled" {
					t.Errorf("answered %d", got)
				}
			})
		}
	}
	t.Run("http2", func(t *testing.T) {
		body, more := io.Pipe()
		defer more.Close()
		res, err := g.wires(g.addr)[2].client.Do(g.wires(g.addr)[2].request(t, "POST", "/", body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if b, _ := io.ReadAll(res.Body); res.StatusCode != 408 || errorIn(t, string(b)).Code != "body_stalled" {
			t.Errorf("%d %s", res.StatusCode, b)
		}
		if a := g.access(t); a.Status != 408 || !strings.Contains(a.Cause, "nothing of the request body") {
			t.Errorf("%+v", a)
		}
	})
	if whole := requestsIn(up.heard()...); len(whole) > 0 {
		t.Errorf("the upstream took for whole: %q", whole)
	}
}

// A stream that says that its body is empty, and does not end it, is refused in the time of a head.
func TestEmptyBodyThatDoesNotEnd(t *testing.T) {
	g := start(t, http.NotFoundHandler(), nil, func(p *Proxy) { p.limits.head = time.Second })
	f := g.frames(t)
	f.head(1, false, pseudo("POST", "/", "content-length: 0")...)
	if got := f.outcome(1); got != "400" {
		t.Error(got)
	}
}
