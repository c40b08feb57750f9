package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestUnknownHostIsToldNothingElse(t *testing.T) {
	g := start(t, echo(), nil)
	for _, addr := range []string{g.addr, g.wsAddr} {
		for _, w := range g.wires(addr) {
			t.Run(w.name, func(t *testing.T) {
				for _, accept := range []string{"text/html", "application/json"} {
					r := w.request(t, "GET", "/secret-path", nil, "Host: evil.example:8283", "Accept: "+accept)
					res, err := w.client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					b, _ := io.ReadAll(res.Body)
					res.Body.Close()
					body := string(b)
					if res.StatusCode != 404 || !strings.HasPrefix(res.Header.Get("Content-Type"), accept) {
						t.Errorf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
					}
					if strings.Contains(body, "evil") || strings.Contains(body, "secret-path") || !strings.Contains(body, "letta.localhost") {
						t.Errorf("the answer repeats the request or explains nothing: %s", body)
					}
				}
				if a := g.access(t); a.Status != 404 || a.Upstream != "" || a.Host != "evil.example:8283" {
					t.Errorf("access %+v", a)
				}
				<-g.accesses
			})
		}
	}
}

func TestUnknownHostCannotUpgrade(t *testing.T) {
	g := start(t, echo(), nil)
	for _, addr := range []string{g.addr, g.wsAddr} {
		res, _ := g.upgrade(t, addr, false, "Host: evil.example")
		if res.StatusCode != 404 {
			t.Errorf("status %d", res.StatusCode)
		}
	}
}

func TestOriginRules(t *testing.T) {
	g := start(t, echo(), nil)
	tests := []struct {
		method string
		fields []string
		want   int
	}{
		{"POST", nil, 200}, // curl, SDKs
		{"POST", []string{"Origin: https://letta.localhost"}, 200},
		{"POST", []string{"Origin: http://localhost:3000"}, 200},
		{"POST", []string{"Origin: https://app.letta.com", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"}, 200},
		{"POST", []string{"Origin: https://evil.example"}, 403},
		{"POST", []string{"Origin: null"}, 403},
		{"POST", []string{"Origin: http://127.0.0.1.evil"}, 403},
		{"POST", []string{"Origin: https://letta.localhost", "Origin: https://evil.example"}, 403},
		{"DELETE", []string{"Origin: https://evil.example"}, 403},
		{"PATCH", []string{"Origin: https://evil.example"}, 403},
		{"BREW", []string{"Origin: https://evil.example"}, 403},
		{"GET", []string{"Origin: https://evil.example"}, 200}, // CORS keeps it unread
		{"OPTIONS", []string{"Origin: https://evil.example"}, 200},
		{"POST", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403},
		{"POST", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 403},
		{"POST", []string{"Origin: https://app.letta.com", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 200}, // a form
		{"POST", []string{"Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 403},
		{"POST", []string{"Origin: null", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate"}, 200}, // Referrer-Policy: no-referrer
		{"POST", []string{"Origin: null", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors"}, 200},  // the same of fetch in Firefox
		{"POST", []string{"Origin: null", "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate"}, 403},
		{"POST", []string{"Origin: null", "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"}, 403},
		{"POST", []string{"Origin: null", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"}, 403},
		{"POST", []string{"Origin: null", "Origin: null", "Sec-Fetch-Site: same-origin"}, 403},
		{"POST", []string{"Origin: https://evil.example", "Sec-Fetch-Site: same-origin"}, 403},
		{"POST", []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate"}, 200},
		{"GET", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 200}, // a link
	}
	g.each(t, func(t *testing.T, w wire) {
		for _, test := range tests {
			if res, body := w.do(t, test.method, "/", nil, test.fields...); res.StatusCode != test.want {
				t.Errorf("%s %q: %d, want %d: %s", test.method, test.fields, res.StatusCode, test.want, body)
			} else if test.want == 403 && res.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %q: a refused origin may read the refusal", test.method, test.fields)
			}
		}
	})
}

func TestMethodsThatAreNotForwarded(t *testing.T) {
	g := start(t, echo(), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, _ := w.do(t, "TRACE", "/", nil)
		if res.StatusCode != 405 || !strings.Contains(res.Header.Get("Allow"), "PATCH") {
			t.Errorf("TRACE: %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
		}
	})
	for _, encrypted := range []bool{false, true} {
		res := g.say(t, encrypted, "CONNECT letta.localhost:443 HTTP/1.1\r\nHost: letta.localhost:443\r\n\r\n")
		if res.StatusCode != 405 || res.Header.Get("Allow") == "" || !res.Close {
			t.Errorf("CONNECT: %d, Allow %q, close=%v", res.StatusCode, res.Header.Get("Allow"), res.Close)
		}
	}
}

func TestLoopIsBroken(t *testing.T) {
	var g *rig
	listener := listenLoopback(t)
	g = startAt(t, listener.Addr().String(), func(c *Config) { c.Listeners = append(c.Listeners, Listener{Listener: listener}) })
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "GET", "/", nil)
		if e := errorIn(t, body); res.StatusCode != 508 || e.Code != "loop" {
			t.Errorf("%d %+v", res.StatusCode, e)
		}
	})
}

func TestAnotherProxyInFrontIsNoLoop(t *testing.T) {
	inner := start(t, echo(), nil)
	outer := startAt(t, inner.addr, nil)
	res, body := outer.wires(outer.addr)[0].do(t, "GET", "/", nil)
	via := hear(t, body).Header.Get("Via")
	if res.StatusCode != 200 || strings.Count(via, "letta-dev") != 2 {
		t.Errorf("%d, Via %q", res.StatusCode, via)
	}
}

// TestRawRequests holds the proxy to the strict column of what RFC 9110 and 9112
// allow.
func TestRawRequests(t *testing.T) {
	g := start(t, echo(), nil)
	const host = "Host: letta.localhost\r\n"
	tests := []struct {
		name, bytes string
		want        int
	}{
		{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
		{"no host in 1.0", "GET / HTTP/1.0\r\n\r\n", 400},
		{"host with user", "GET / HTTP/1.1\r\nHost: a@letta.localhost\r\n\r\n", 400},
		{"host with path", "GET / HTTP/1.1\r\nHost: letta.localhost/x\r\n\r\n", 400},
		{"host port 99999", "GET / HTTP/1.1\r\nHost: letta.localhost:99999\r\n\r\n", 400},
		{"foreign absolute form", "GET http://evil.example/ HTTP/1.1\r\n" + host + "\r\n", 404},
		{"https absolute form on http", "GET https://letta.localhost/ HTTP/1.1\r\n" + host + "\r\n", 400},
		{"file target", "GET file:///etc/passwd HTTP/1.1\r\n" + host + "\r\n", 400},
		{"user in target", "GET http://a@letta.localhost/ HTTP/1.1\r\n" + host + "\r\n", 400},
		{"authority form", "GET letta.localhost:80 HTTP/1.1\r\n" + host + "\r\n", 400},
		{"asterisk of GET", "GET * HTTP/1.1\r\n" + host + "\r\n", 400},
		{"asterisk of OPTIONS", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 204},
		{"asterisk, foreign host", "OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", 404},
		{"CONNECT path", "CONNECT /x HTTP/1.1\r\n" + host + "\r\n", 405},
		{"preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"fragment", "GET /a#b HTTP/1.1\r\n" + host + "\r\n", 400},
		{"byte above ASCII", "GET /\xff HTTP/1.1\r\n" + host + "\r\n", 400},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505},
		{"HTTP/2.0 as text", "GET / HTTP/2.0\r\n" + host + "\r\n", 505},
		{"lower-case version", "GET / http/1.1\r\n" + host + "\r\n", 400},
		{"space before colon", "GET / HTTP/1.1\r\n" + host + "A : 1\r\n\r\n", 400},
		{"line without colon", "GET / HTTP/1.1\r\n" + host + "A\r\n\r\n", 400},
		{"NUL in value", "GET / HTTP/1.1\r\n" + host + "A: \x00\r\n\r\n", 400},
		{"two lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nab", 400},
		{"signed length", "POST / HTTP/1.1\r\n" + host + "Content-Length: +2\r\n\r\nab", 400},
		{"unknown coding", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n", 501},
		{"coding with VT", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: \x0bchunked\r\n\r\n", 400},
		{"unknown expectation", "GET / HTTP/1.1\r\n" + host + "Expect: 200-maybe\r\n\r\n", 417},
		{"h2c upgrade is ignored", "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n", 200},
		{"length and coding", "POST / HTTP/1.1\r\n" + host + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"chunked in 1.0", "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"bare LF", "GET / HTTP/1.1\n" + strings.ReplaceAll(host, "\r", "") + "\n", 400},
	}
	for _, test := range tests {
		res := g.say(t, false, test.bytes)
		if res.StatusCode != test.want {
			t.Errorf("%s: %d, want %d", test.name, res.StatusCode, test.want)
		}
	}
}

func TestSlowHeadsAreClosed(t *testing.T) {
	g := start(t, echo(), nil, func(p *Proxy) { p.limits.head = 50 * time.Millisecond })
	for name, bytes := range map[string]string{"nothing": "", "half a head": "GET / HTTP/1.1\r\nHost: local", "half a TLS record": "\x16\x03\x01"} {
		c := g.raw(t, g.addr, false)
		io.WriteString(c, bytes)
		if _, err := io.ReadAll(c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection stays open", name)
		}
	}
}

func TestTwoFetchFieldsCannotHideACrossSitePost(t *testing.T) {
	g := start(t, echo(), nil)
	w := g.wires(g.addr)[0]
	res, _ := w.do(t, "POST", "/", nil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors")
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", res.StatusCode)
	}
}
