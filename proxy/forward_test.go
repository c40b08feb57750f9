package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestForwardsTargetByteForByte(t *testing.T) {
	g := start(t, echo(), nil)
	for _, target := range []string{
		"/", "/?", "/a%2Fb", "/a%2f..%2fb", "/a/../../b", "/a//b", "//a//b", "/a;b=1", "/?a=1;b=2", "/?a=%zz&b=%", "/~a|b^c`d{e}",
		"/%61%62", "/a+b?c+d%20e", "/v1/git/x.git/info/refs?service=git-upload-pack", "/a?b?c", "/@:!$&'()*,=",
	} {
		for _, encrypted := range []bool{false, true} {
			res := g.say(t, encrypted, "GET "+target+" HTTP/1.1\r\nHost: letta.localhost\r\n\r\n")
			body, _ := io.ReadAll(res.Body)
			if got := hear(t, string(body)).Target; got != target {
				t.Errorf("tls=%v: upstream got %q, want %q", encrypted, got, target)
			}
		}
		if path := strings.ContainsAny(target, "|^`{"); path {
			continue // net/http's client would not send it
		}
		h2 := g.wires(g.addr)[2]
		if _, body := h2.do(t, "GET", target, nil); hear(t, body).Target != target {
			t.Errorf("h2: upstream got %q, want %q", hear(t, body).Target, target)
		}
	}
}

func TestAbsoluteFormNamesTheHost(t *testing.T) {
	g := start(t, echo(), nil)
	res := g.say(t, false, "GET http://letta.localhost:99/abs%2Fx?y HTTP/1.1\r\nHost: evil.example\r\n\r\n")
	body, _ := io.ReadAll(res.Body)
	if got := hear(t, string(body)); got.Host != "letta.localhost:99" || got.Target != "/abs%2Fx?y" {
		t.Errorf("upstream got %s of %s", got.Target, got.Host)
	}
}

func TestForwardedFields(t *testing.T) {
	g := start(t, echo(), nil)
	g.each(t, func(t *testing.T, w wire) {
		_, body := w.do(t, "POST", "/", strings.NewReader("x"),
			"Host: letta.localhost:8283",
			"user_id: user-1", "X-Custom: a", "X-Custom: b", "Authorization: Bearer t", "Cookie: a=1",
			"Via: 1.0 fred",
			"X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: evil", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /x",
			"X-Forwarded-Ssl: on", "X_Forwarded_For: 6.6.6.6", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "X-Original-URL: /x",
			"X-Rewrite-Url: /x", "Proxy: http://evil", "True-Client-IP: 6.6.6.6")
		got := hear(t, body)
		port := "8283"
		want := http.Header{
			"User_id": {"user-1"}, "X-Custom": {"a", "b"}, "Authorization": {"Bearer t"}, "Cookie": {"a=1"},
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {w.scheme}, "X-Forwarded-Host": {"letta.localhost:8283"}, "X-Forwarded-Port": {port},
			"Via":            {"1.0 fred, " + strings.TrimPrefix(w.proto, "HTTP/") + " " + g.proxy.name},
			"Content-Length": {"1"}, "User-Agent": got.Header["User-Agent"],
		}
		if got.Host != "letta.localhost:8283" {
			t.Errorf("Host %q", got.Host)
		}
		if !reflect.DeepEqual(got.Header, want) {
			t.Errorf("upstream got\n%v, want\n%v", got.Header, want)
		}
	})
}

func TestForwardedPortWithoutOneInHost(t *testing.T) {
	g := start(t, echo(), nil)
	want := map[string]string{"http": "80", "https": "443"}
	g.each(t, func(t *testing.T, w wire) {
		_, body := w.do(t, "GET", "/", nil)
		if got := hear(t, body).Header.Get("X-Forwarded-Port"); got != want[w.scheme] {
			t.Errorf("X-Forwarded-Port %q, want %q", got, want[w.scheme])
		}
	})
}

func TestHopByHopFieldsEndHere(t *testing.T) {
	g := start(t, echo(), nil)
	res := g.say(t, false, "GET / HTTP/1.1\r\nHost: letta.localhost\r\nConnection: keep-alive, X-Hop, Host, X-Forwarded-For, Via\r\nX-Hop: 1\r\n"+
		"Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nTE: trailers, deflate\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX-Stays: 1\r\n\r\n")
	body, _ := io.ReadAll(res.Body)
	got := hear(t, string(body))
	for _, name := range []string{"X-Hop", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Upgrade", "Http2-Settings"} {
		if v, ok := got.Header[name]; ok {
			t.Errorf("%s reached the upstream: %q", name, v)
		}
	}
	for name, want := range map[string]string{"X-Stays": "1", "Te": "trailers", "Connection": "TE", "X-Forwarded-For": "127.0.0.1"} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	if got.Host != "letta.localhost" || got.Header.Get("Via") == "" {
		t.Errorf("Connection removed Host or Via: %+v", got)
	}
}

func TestNothingIsAddedToTheRequest(t *testing.T) {
	g := start(t, echo(), nil)
	res := g.say(t, false, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	body, _ := io.ReadAll(res.Body)
	for name := range hear(t, string(body)).Header {
		if !strings.HasPrefix(name, "X-Forwarded-") && name != "Via" {
			t.Errorf("the proxy added %s", name)
		}
	}
}

func TestLocationGetsTheClientsScheme(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.Header.Get("Want"))
		w.WriteHeader(http.StatusTemporaryRedirect)
	}), nil)
	tests := []struct{ sent, overTLS string }{
		{"http://letta.localhost:8283/v1/agents/", "https://letta.localhost:8283/v1/agents/"},
		{"HTTP://LETTA.localhost:8283?x", "https://LETTA.localhost:8283?x"},
		{"http://letta.localhost:8283", "https://letta.localhost:8283"},
		{"http://letta.localhost/v1/", "http://letta.localhost/v1/"},               // another port
		{"http://letta.localhost.evil:8283/", "http://letta.localhost.evil:8283/"}, // another host
		{"http://letta.localhost:8283@evil/", "http://letta.localhost:8283@evil/"},
		{"http://evil.example/", "http://evil.example/"},
		{"/v1/agents/", "/v1/agents/"},
		{"https://letta.localhost:8283/", "https://letta.localhost:8283/"},
	}
	g.each(t, func(t *testing.T, w wire) {
		for _, test := range tests {
			want := test.overTLS
			if w.scheme == "http" {
				want = test.sent
			}
			res, _ := w.do(t, "GET", "/", nil, "Host: letta.localhost:8283", "Want: "+test.sent)
			if got := res.Header.Get("Location"); got != want {
				t.Errorf("Location %q became %q, want %q", test.sent, got, want)
			}
		}
	})
}

func TestInformationalAnswersAndTrailersPass(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("Trailer", "X-Announced")
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Announced", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	}), func(c *Config) { c.Header = http.Header{"X-Letta-Dev": {"demo"}} })
	g.each(t, func(t *testing.T, w wire) {
		hints := ""
		r := w.request(t, "GET", "/", nil)
		r = r.WithContext(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				hints = fmt.Sprint(code, h.Get("Link"))
				return nil
			},
		}))
		res, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != "body" {
			t.Fatalf("%q, %v", body, err)
		}
		if hints != "103</style.css>; rel=preload" {
			t.Errorf("early hints %q", hints)
		}
		if res.Trailer.Get("X-Announced") != "1" || res.Trailer.Get("X-Late") != "2" {
			t.Errorf("trailers %v", res.Trailer)
		}
		if res.Header.Get("X-Letta-Dev") != "demo" {
			t.Error("Config.Header is lost after a 1xx answer")
		}
	})
}

func TestRequestTrailersPass(t *testing.T) {
	g := start(t, echo(), nil)
	g.each(t, func(t *testing.T, w wire) {
		r := w.request(t, "POST", "/", io.MultiReader(strings.NewReader("body")))
		r.Trailer = http.Header{"X-Sum": {"7"}}
		res, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		if got := hear(t, string(body)); got.Trailer.Get("X-Sum") != "7" || got.Body != "body" {
			t.Errorf("upstream got %+v", got)
		}
	})
}

func TestAnswersAreNotUnpacked(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, "no gzip at all")
	}), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "GET", "/", nil)
		if body != "no gzip at all" || res.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%q, %v", body, res.Header)
		}
	})
}

// brokenUpstream serves raw bytes: answer is sent, then the connection closed.
func brokenUpstream(t *testing.T, answer string) string {
	t.Helper()
	l := listenLoopback(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, answer)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestBrokenOffAnswerIsSeenByTheClient(t *testing.T) {
	for name, answer := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		g := startAt(t, brokenUpstream(t, answer), nil)
		g.each(t, func(t *testing.T, w wire) {
			res, err := w.client.Do(w.request(t, "GET", "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if b, err := io.ReadAll(res.Body); err == nil {
				t.Errorf("%s: the answer %q seems whole", name, b)
			}
			if a := g.access(t); a.Status != 200 || !strings.Contains(a.Cause, "letta-server:8283 broke off its answer") {
				t.Errorf("%s: access %+v", name, a)
			}
		})
	}
}

func TestUpstreamWithoutAValidAnswer(t *testing.T) {
	for _, answer := range []string{"", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 000 X\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n"} {
		g := startAt(t, brokenUpstream(t, answer), nil)
		g.each(t, func(t *testing.T, w wire) {
			res, body := w.do(t, "GET", "/", nil)
			if e := errorIn(t, body); res.StatusCode != 502 || e.Code != "upstream_broken" || e.Hint == "" {
				t.Errorf("answer %q: %d %+v", answer, res.StatusCode, e)
			}
			if a := g.access(t); a.Cause == "" || a.Upstream != "letta-server:8283" {
				t.Errorf("access %+v", a)
			}
		})
	}
}

// A type that the upstream did not give is not guessed: a page that it meant as data would become one that runs.
func TestNoContentTypeIsAdded(t *testing.T) {
	g := startAt(t, brokenUpstream(t, "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n<html><script></script>"), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "GET", "/", nil)
		if got, typed := res.Header["Content-Type"]; typed || !strings.HasPrefix(body, "<html>") {
			t.Errorf("Content-Type %q of %q, where the upstream gave none", got, body)
		}
	})
}

// A server that does not answer is told from one that is not there.
func TestUpstreamThatDoesNotAnswer(t *testing.T) {
	g := start(t, echo(), func(c *Config) {
		c.REST.Dial = func(context.Context) (net.Conn, error) { return nil, os.ErrDeadlineExceeded }
	})
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "GET", "/", nil)
		if e := errorIn(t, body); res.StatusCode != 504 || e.Code != "upstream_timeout" || e.Hint == "" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}

func TestUnreachableUpstream(t *testing.T) {
	g := startAt(t, nobody(t), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "POST", "/", strings.NewReader("x"))
		if e := errorIn(t, body); res.StatusCode != 502 || e.Code != "upstream_unreachable" || !strings.Contains(e.Message, "letta-server:8283") {
			t.Errorf("%d %+v", res.StatusCode, e)
		}
	})
}

func TestMalformedBodyIsTheClientsFault(t *testing.T) {
	g := start(t, echo(), nil)
	for _, chunk := range []string{"zz\r\n", "-2\r\nab\r\n", "2\r\nabcd\r\n"} {
		res := g.say(t, false, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"+chunk)
		if res.StatusCode != 400 || !res.Close {
			t.Errorf("chunk %q: %d, close=%v", chunk, res.StatusCode, res.Close)
		}
	}
}

func TestEarlyAnswerToAnUnfinishedUpload(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(http.StatusUnauthorized)
	}), nil)
	g.each(t, func(t *testing.T, w wire) {
		pr, pw := io.Pipe()
		go io.WriteString(pw, "first")
		defer pw.CloseWithError(errors.New("enough"))
		r := w.request(t, "POST", "/", pr)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		res, err := w.client.Do(r.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 401 {
			t.Errorf("status %d", res.StatusCode)
		}
	})
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	g := start(t, echo(), nil)
	_, port, _ := net.SplitHostPort(g.addr)
	for _, args := range [][]string{
		{"http://letta.localhost:" + port + "/a%2Fb"},
		{"--http1.1", "-k", "https://letta.localhost:" + port + "/a%2Fb"},
		{"--http2", "-k", "https://letta.localhost:" + port + "/a%2Fb"},
	} {
		out, err := exec.Command(curl, append([]string{"-sS", "--noproxy", "*", "--resolve", "letta.localhost:" + port + ":127.0.0.1", "-d", "x=1"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %v: %v\n%s", args, err, out)
		}
		if got := hear(t, string(out)); got.Target != "/a%2Fb" || got.Body != "x=1" || got.Host != "letta.localhost:"+port {
			t.Errorf("curl %v: upstream got %+v", args, got)
		}
	}
}

// What the network says is told without the addresses of this side.
func TestNetworkErrorsForPeople(t *testing.T) {
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000}
	of := func(err error) error {
		return &net.OpError{Op: "read", Net: "tcp", Source: address, Addr: address, Err: err}
	}
	for want, err := range map[string]error{
		"it reset the connection":         fmt.Errorf("%w: %w", errNoAnswer, of(os.NewSyscallError("read", resets()[0]))),
		"it closed the connection":        of(os.NewSyscallError("write", syscall.EPIPE)),
		"no route":                        of(errors.New("no route")),
		"reading the head: no route":      fmt.Errorf("reading the head: %w", of(errors.New("no route"))),
		"two Content-Length fields\ufffd": errors.New("two Content-Length fields\x1b"),
	} {
		if got := plain(err); got != want {
			t.Errorf("%v is told as %q, want %q", err, got, want)
		}
	}
}
