package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const clean = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean"

// answersOnce starts an upstream that answers the first request with bytes, as they are, and all others with "clean". It closes
// nothing by itself.
func answersOnce(t *testing.T, bytes string) *rawUpstream {
	return startRaw(t, func(c *rawConn) {
		for i := 0; ; i++ {
			r, err := http.ReadRequest(c.in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			if c.index == 0 && i == 0 {
				io.WriteString(c, bytes)
			} else {
				io.WriteString(c, clean)
			}
		}
	})
}

// TestMalformedAnswers are a 502 whose record names the fault, and the connection is not used again.
func TestMalformedAnswers(t *testing.T) {
	for _, row := range []struct{ line, answer, cause string }{
		{"another protocol", "ICY 200 OK\r\n\r\n", "version"},
		{"no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n", "version"},
		{"no HTTP, and no end of a line", "\x15\x03\x03\x00\x02", "version"},
		{"bad status line", "HTTP/1.1 OK\r\n\r\n", "status"},
		{"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", "status"},
		{"status 099", "HTTP/1.1 099 OK\r\n\r\n", "status"},
		{"status with a sign", "HTTP/1.1 +20 OK\r\n\r\n", "status"},
		{"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", "version"},
		{"lower-case version", "http/1.1 200 OK\r\n\r\n", "version"},
		{"control in the reason", "HTTP/1.1 200 O\x1bK\r\n\r\n", "reason"},
		{"obs-fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "folded"},
		{"CL+TE", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Content-Length and Transfer-Encoding"},
		{"CL+TE in a 204", "HTTP/1.1 204 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "Content-Length and Transfer-Encoding"},
		{"two different CL", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "two Content-Length"},
		{"CL twice identical", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", "two Content-Length"},
		{"a list of CL", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab", "no number"},
		{"negative CL", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "no number"},
		{"CL of words", "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n", "no number"},
		{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "carriage return"},
		{"bare LF in a value", "HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n", "carriage return"},
		{"bare CR in a value", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n", "value"},
		{"NUL in a value", "HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n", "value"},
		{"line without colon", "HTTP/1.1 200 OK\r\nX\r\n\r\n", "colon"},
		{"name with a space", "HTTP/1.1 200 OK\r\nX Y: 1\r\n\r\n", "name"},
		{"final coding not chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "coding"},
		{"gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "coding"},
		{"TE in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.0"},
		{"a line of 70 KB", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 70<<10) + "\r\n\r\n", "too large"},
		{"a reason of 70 KB", "HTTP/1.1 200 " + strings.Repeat("a", 70<<10) + "\r\n\r\n", "too long"},
		{"300 lines", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: 1\r\n", 300) + "\r\n", "too large"},
		{"101 unasked", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "switched protocols"},
		{"endless 1xx", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100), "without end"},
		{"blank line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "version"},
		{"malformed behind a 103", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nX\r\n\r\n", "colon"},
	} {
		t.Run(row.line, func(t *testing.T) {
			for i := range 3 {
				up := answersOnce(t, row.answer)
				g := startAt(t, up.addr, nil)
				w := g.wires(g.addr)[i]
				res, body := w.do(t, "GET", "/", nil)
				if e := errorIn(t, body); res.StatusCode != 502 || e.Code != "upstream_broken" || !strings.Contains(e.Message, row.cause) {
					t.Errorf("%s: %d %+v, want %q", w.name, res.StatusCode, e, row.cause)
				}
				if a := g.access(t); !strings.Contains(a.Cause, row.cause) || a.Status != 502 || a.Upstream == "" {
					t.Errorf("%s: access %d %q, want %q", w.name, a.Status, a.Cause, row.cause)
				}
				assertCleanOnAnother(t, w, up)
			}
		})
	}
}

// TestBrokenUpstreamsOnAPage: a page names the fault too, and neither it nor the record holds a byte of the upstream's that a
// terminal or a browser would obey.
func TestBrokenUpstreamsOnAPage(t *testing.T) {
	hostile := func(c *Config) {
		c.REST.Dial = func(context.Context) (net.Conn, error) {
			return nil, errors.New("x509: certificate is valid for <b>evil\x1b[31m\u202e, not for localhost")
		}
	}
	for _, row := range []struct {
		answer string
		change func(*Config)
		says   string
	}{
		{"HTTP/1.1 200 OK\r\nX: <b>evil\x1b[31m\r\n\r\n", nil, "gave no valid answer: the value of a field has a byte that no value may have"},
		{"<b>evil\x1b[31m", nil, "gave no valid answer: it does not begin with a version of HTTP"},
		{"", hostile, "certificate is valid for &lt;b&gt;evil"},
	} {
		g := startAt(t, brokenUpstream(t, row.answer), row.change)
		g.each(t, func(t *testing.T, w wire) {
			_, body := w.do(t, "GET", "/", nil, "Accept: text/html")
			a := g.access(t)
			if !strings.Contains(body, row.says) || strings.Contains(body, "<b>") || strings.ContainsAny(body+a.Cause, "\x1b\u202e") || a.Cause == "" {
				t.Errorf("%q\n%s", a.Cause, body)
			}
		})
	}
}

// TestAnswersWithoutAnEnd say in the record what is missing.
func TestAnswersWithoutAnEnd(t *testing.T) {
	for _, row := range []struct{ answer, cause string }{
		{"HT", "incomplete"},
		{"HTTP/1.1 200 OK\r\nContent-Le", "incomplete"},
		{"HTTP/1.1 103 Early Hints\r\n\r\n", "final answer"},
		{"", "without an answer"},
	} {
		g := startAt(t, brokenUpstream(t, row.answer), nil)
		g.each(t, func(t *testing.T, w wire) {
			res, body := w.do(t, "GET", "/", nil)
			if a := g.access(t); res.StatusCode != 502 || !strings.Contains(a.Cause, row.cause) || !strings.Contains(errorIn(t, body).Message, row.cause) {
				t.Errorf("%q: %d, %q, %s", row.answer, res.StatusCode, a.Cause, body)
			}
		})
	}
}

// assertCleanOnAnother sends a request and wants it answered on another connection than the first.
func assertCleanOnAnother(t *testing.T, w wire, up *rawUpstream) {
	t.Helper()
	if res, body := w.do(t, "POST", "/next", nil); res.StatusCode != 200 || body != "clean" {
		t.Errorf("%s: the next request was answered %d %q", w.name, res.StatusCode, body)
	}
	if heard := up.heard(); len(heard) != 2 || strings.Contains(heard[0], "/next") {
		t.Errorf("%s: the next request came on the connection of a malformed answer: %q", w.name, heard)
	}
}

// TestNothingIsLeftOver: an answer that is followed by more than was announced is the last on its connection.
func TestNothingIsLeftOver(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	for _, row := range []struct {
		line, method, answer, body string
		status                     int
	}{
		{"204 with a body behind", "GET", "HTTP/1.1 204 No Content\r\n\r\n" + poison, "", 204},
		{"204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n", "", 204},
		{"204 with chunks", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "", 204},
		{"304 with a body behind", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison", "", 304},
		{"HEAD with a body behind", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "", 200},
		{"a second answer unasked", "GET", clean + poison, "clean", 200},
		{"more than Content-Length", "GET", clean + "er", "clean", 200},
		{"more than the last chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nclean\r\n0\r\n\r\n" + poison, "clean", 200},
		{"Connection: close", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nclean", "clean", 200},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nclean", "clean", 200},
	} {
		t.Run(row.line, func(t *testing.T) {
			for i := range 3 {
				up := answersOnce(t, row.answer)
				g := startAt(t, up.addr, nil)
				w := g.wires(g.addr)[i]
				if res, body := w.do(t, row.method, "/", nil); res.StatusCode != row.status || body != row.body {
					t.Errorf("%s: %d %q", w.name, res.StatusCode, body)
				}
				assertCleanOnAnother(t, w, up)
			}
		})
	}
}

// TestBytesThatComeLate: what an upstream sends on a connection at rest answers nobody.
func TestBytesThatComeLate(t *testing.T) {
	answered, sent := make(chan struct{}), make(chan struct{})
	up := startRaw(t, func(c *rawConn) {
		for i := 0; ; i++ {
			if _, err := http.ReadRequest(c.in); err != nil {
				return
			}
			io.WriteString(c, clean)
			if c.index == 0 && i == 0 {
				<-answered
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
				close(sent)
			}
		}
	})
	g := startAt(t, up.addr, nil)
	w := g.wires(g.addr)[0]
	w.do(t, "GET", "/", nil)
	g.access(t) // the connection rests
	close(answered)
	<-sent
	assertCleanOnAnother(t, w, up)
}

// TestAnswersThatBreakOff are seen as such by every kind of client: no clean end.
func TestAnswersThatBreakOff(t *testing.T) {
	for line, answer := range map[string]string{
		"truncated by its length":  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"truncated chunk":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
		"truncated between chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"truncated trailer":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX: a\r\n",
		"malformed chunk size":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0x2\r\nab\r\n0\r\n\r\n",
		"chunk longer than said":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf and more\r\n0\r\n\r\n",
		"chunk with bare LF":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n4\nhalf\r\n0\r\n\r\n",
		"length in the trailer":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nContent-Length: 4\r\n\r\n",
	} {
		t.Run(line, func(t *testing.T) {
			g := startAt(t, brokenUpstream(t, answer), nil)
			g.each(t, func(t *testing.T, w wire) {
				res, err := w.client.Do(w.request(t, "GET", "/", nil))
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				if err == nil {
					t.Errorf("the answer seems whole")
				}
				if a := g.access(t); !strings.Contains(a.Cause, "broke off") {
					t.Errorf("access %+v", a)
				}
			})
			for _, e := range g.entrances() { // HTTP/1.0 tells an end by the connection's
				_, err := readReplies(e.say(t, "GET / HTTP/1.0\r\n"+hostLine+"\r\n"), "GET")
				if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s in HTTP/1.0: %v", e.name, err)
				}
			}
		})
	}
}

// TestAnswerToTheEnd: the end of a connection in good order ends an answer without framing, towards every client.
func TestAnswerToTheEnd(t *testing.T) {
	g := startAt(t, brokenUpstream(t, "HTTP/1.1 200 OK\r\n\r\nall of it"), nil)
	g.each(t, func(t *testing.T, w wire) {
		if res, body := w.do(t, "GET", "/", nil); res.StatusCode != 200 || body != "all of it" {
			t.Errorf("%d %q", res.StatusCode, body)
		}
	})
}

// TestAnswerFields: what reaches the client of a head, written anew.
func TestAnswerFields(t *testing.T) {
	const date = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
	for _, row := range []struct{ line, method, answer, want string }{
		{"unknown fields; order; bytes beyond ASCII", "GET", "HTTP/1.1 200 Fine\r\n" + date + "x: 2\r\nX: \xff\r\nx: 1\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 200 Fine\r\n" + date + "x: 2\r\nX: \xff\r\nx: 1\r\nContent-Length: 0\r\n\r\n"},
		{"space before colon, in a response removed", "GET", "HTTP/1.1 200 OK\r\n" + date + "X \t: 1\r\nContent-Length : 1\r\n\r\na",
			"HTTP/1.1 200 OK\r\n" + date + "X: 1\r\nContent-Length: 1\r\n\r\na"},
		{"hop options", "GET", "HTTP/1.1 200 OK\r\n" + date + "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\n" + date + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"HEAD keeps Content-Length", "HEAD", "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 5\r\n\r\n"},
		{"HEAD keeps chunked", "HEAD", "HTTP/1.1 200 OK\r\n" + date + "Transfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n" + date + "Transfer-Encoding: chunked\r\n\r\n"},
		{"304 keeps Content-Length", "GET", "HTTP/1.1 304 Not Modified\r\n" + date + "Content-Length: 5\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n" + date + "Content-Length: 5\r\n\r\n"},
		{"no body for 204", "GET", "HTTP/1.1 204 No Content\r\n" + date + "Content-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n" + date + "\r\n"},
		{"no reason", "GET", "HTTP/1.1 299\r\n" + date + "Content-Length: 0\r\n\r\n", "HTTP/1.1 299 \r\n" + date + "Content-Length: 0\r\n\r\n"},
		{"own HTTP-version", "GET", "HTTP/1.0 200 OK\r\n" + date + "Content-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 0\r\n\r\n"},
		{"trailers", "GET", "HTTP/1.1 200 OK\r\n" + date + "Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n1;e=f\r\na\r\n0\r\nX: 1\r\nSet-Cookie: a\r\nConnection: close\r\n\r\n",
			"HTTP/1.1 200 OK\r\n" + date + "Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: 1\r\n\r\n"},
		{"103 and 102 are forwarded, 100 was asked for by nobody", "GET",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nConnection: X\r\nX: y\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n" + date + "Content-Length: 0\r\n\r\n",
			"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n" + date + "Content-Length: 0\r\n\r\n"},
	} {
		t.Run(row.line, func(t *testing.T) {
			for i := range 2 {
				e := startAt(t, answersOnce(t, row.answer).addr, nil).entrances()[i]
				c := e.say(t, row.method+" / HTTP/1.1\r\n"+hostLine+"\r\nGET /\n") // the second one ends the connection
				all, _ := io.ReadAll(c)
				got, _, _ := strings.Cut(string(all), "HTTP/1.1 400 Bad Request\r\n")
				if got != row.want {
					t.Errorf("%s: the client got\n%q, want\n%q", e.name, got, row.want)
				}
			}
		})
	}
}

// TestDateIsAddedIfMissing (RFC 9110, section 6.6.1).
func TestDateIsAddedIfMissing(t *testing.T) {
	g := startAt(t, answersOnce(t, clean).addr, nil)
	g.each(t, func(t *testing.T, w wire) {
		res, _ := w.do(t, "GET", "/", nil)
		if _, err := http.ParseTime(res.Header.Get("Date")); err != nil || len(res.Header["Date"]) != 1 {
			t.Errorf("Date %q: %v", res.Header["Date"], err)
		}
	})
}

// TestExpectation: the client is asked for its body when the upstream asks, and not when that has answered before.
func TestExpectation(t *testing.T) {
	for _, row := range []struct {
		line, first string // what the upstream says to the head
		want        []int
		body        bool // reaches the upstream
	}{
		{"100 once upstream says so", "HTTP/1.1 100 Continue\r\n\r\n", []int{100, 200}, true},
		{"early 403", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", []int{403}, false},
		{"417 of the upstream", "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", []int{417}, false},
		{"102 before the 100", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", []int{102, 100, 200}, true},
		{"no 100 at all", "", []int{100, 200}, true},
	} {
		t.Run(row.line, func(t *testing.T) {
			up := startRaw(t, func(c *rawConn) {
				r, err := http.ReadRequest(c.in)
				if err != nil {
					return
				}
				io.WriteString(c, row.first)
				if b, err := io.ReadAll(r.Body); err == nil && string(b) == "ab" {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") // else the next one might come as it closes
				}
			})
			for _, e := range startAt(t, up.addr, nil).entrances() {
				c := e.say(t, post("Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n", ""))
				r := bufio.NewReader(c)
				var got []int
				for {
					res, err := http.ReadResponse(r, nil)
					if err != nil {
						break
					}
					if got = append(got, res.StatusCode); res.StatusCode == 100 {
						io.WriteString(c, "ab")
					}
				}
				if !reflect.DeepEqual(got, row.want) {
					t.Errorf("%s: answered %d, want %d", e.name, got, row.want)
				}
			}
			for _, heard := range up.heard() {
				if strings.HasSuffix(heard, "\r\n\r\nab") != row.body || !strings.Contains(heard, "Expect: 100-continue\r\n") {
					t.Errorf("the upstream got %q", heard)
				}
			}
		})
	}
}

// TestEarlyAnswerEndsTheConnection, and says so in time: the body that is still to come is nobody's request.
func TestEarlyAnswerEndsTheConnection(t *testing.T) {
	up := startRaw(t, func(c *rawConn) {
		if _, err := http.ReadRequest(c.in); err == nil {
			io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
			io.Copy(io.Discard, c.in)
		}
	})
	for _, e := range startAt(t, up.addr, nil).entrances() {
		for name, head := range map[string]string{"sized": "Content-Length: 200\r\n", "chunked": "Transfer-Encoding: chunked\r\n"} {
			c := e.say(t, post(head, ""))
			r := bufio.NewReader(c)
			res, err := http.ReadResponse(r, nil)
			if err != nil || res.StatusCode != 413 || !res.Close {
				t.Fatalf("%s, %s: %+v, %v", e.name, name, res, err)
			}
			io.WriteString(c, smuggled)
			if rest, _ := io.ReadAll(r); len(rest) > 0 {
				t.Errorf("%s, %s: the rest of the body was answered %q", e.name, name, rest)
			}
		}
	}
}

// The Date of an answer of ours is when it began, and not its request, which may have been held (RFC 9110, section 6.6.1).
func TestDateIsOfTheAnswer(t *testing.T) {
	var ticks atomic.Int64
	g := start(t, echo(), func(c *Config) {
		c.Now = func() time.Time { return clock.Add(time.Duration(ticks.Add(1)) * time.Minute) }
	})
	g.each(t, func(t *testing.T, w wire) {
		res, _ := w.do(t, "GET", "/", nil, "Host: evil.example")
		a := g.access(t)
		if date, err := http.ParseTime(res.Header.Get("Date")); err != nil || !date.Equal(a.Time.Add(a.Head)) {
			t.Errorf("Date %v, %v; asked at %v, answered after %v", date, err, a.Time, a.Head)
		}
	})
}
