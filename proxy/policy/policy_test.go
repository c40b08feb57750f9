package policy

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// says fails unless err is an *Error with advice, about a setting, that contains something.
func says(t *testing.T, err error, setting, part string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Hint() == "" || e.Setting != setting || !strings.Contains(e.Error(), part) {
		t.Errorf("got %#v, want one about %s that says %q and what to write", err, setting, part)
	}
}

func TestParseRoute(t *testing.T) {
	for text, want := range map[string]Route{
		"/letta/":                              {"/letta/", ""},
		"/a/b~c/=http://127.0.0.1:3000":        {"/a/b~c/", "http://127.0.0.1:3000"},
		"/=https://[::1]:8443/base":            {"/", "https://[::1]:8443/base"},
		"/app/=http://localhost/base/deeper/":  {"/app/", "http://localhost/base/deeper/"},
		"/with:colon@at/=http://h.test:65535/": {"/with:colon@at/", "http://h.test:65535/"},
	} {
		if got, err := ParseRoute(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, part := range map[string]string{
		"":         "without a path",
		"letta":    `"letta" of a route does not begin and end with /`,
		"/letta":   "begin and end with /",
		"letta/":   "begin and end with /",
		"/a//b/":   `empty, "." or ".."`,
		"//":       `empty, "." or ".."`,
		"/a//":     `empty, "." or ".."`,
		"/a/../":   `empty, "." or ".."`,
		"/./":      `empty, "." or ".."`,
		"/a%2fb/":  "has a %",
		"/a?b/":    "character that a path cannot have",
		"/a#b/":    "character that a path cannot have",
		"/a b/":    "character that a path cannot have",
		"/a\r\nb/": "character that a path cannot have",
		"/a\\b/":   "character that a path cannot have",
		"/é/":      "character that a path cannot have",
		"/":        "changes nothing",
	} {
		_, err := ParseRoute(text)
		says(t, err, "routes.path", part)
	}
	for text, part := range map[string]string{
		"/a/=127.0.0.1:3000":              "is not the URL of an upstream",
		"/a/=ftp://h/":                    "is not the URL of an upstream",
		"/a/=http://":                     "is not the URL of an upstream",
		"/a/=http://h:0/":                 "no port from 1 to 65535",
		"/a/=http://h:70000/":             "no port from 1 to 65535",
		"/a/=http://u:p@h/":               "more than a scheme",
		"/a/=http://h/?":                  "more than a scheme",
		"/a/=http://h/?q=1":               "more than a scheme",
		"/a/=http://h/#":                  "more than a scheme",
		"/a/=http://h/%2e%2e/":            "not plain",
		"/a/=http://h/a%2fb/":             "not plain",
		"/a/=http://h/../":                "not plain",
		"/a/=http://h/\r\nX-Injected: 1/": "is not the URL of an upstream",
	} {
		_, err := ParseRoute(text)
		says(t, err, "routes.upstream", part)
	}
	_, err := ParseRoute("/a/=")
	says(t, err, "routes", "no URL behind the =")
}

func TestParseHeader(t *testing.T) {
	for text, want := range map[string]Header{
		"X-Team: blue":         {"X-Team", "blue"},
		"X-Team:blue":          {"X-Team", "blue"},
		"X-Url: http://h:1/":   {"X-Url", "http://h:1/"},
		"Server:":              {"Server", ""},
		"X-Latin: caf\xe9 \t ": {"X-Latin", "caf\xe9"},
		"X-Forwarded-User: a":  {"X-Forwarded-User", "a"}, // it is taken away from clients, and never written by the proxy
		"X-Remote-User: a":     {"X-Remote-User", "a"},
	} {
		if got, err := ParseHeader(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, part := range map[string]string{
		"X-Team blue":                          "is not a header field",
		": blue":                               "is not the name of a header field",
		"X Team: blue":                         "is not the name of a header field",
		"X-Team\r\nX-Evil: 1":                  "is not the name of a header field",
		"X-Team: blue\r\nX-Evil: 1":            "control character",
		"X-Team: blue\nX-Evil: 1":              "control character",
		"X-Team: a\x00b":                       "control character",
		"X-Team: a\x7fb":                       "control character",
		"X-Team: " + strings.Repeat("a", 5000): "a header value of 5000 bytes",
		"Content-Length: 5":                    "cannot be set: it describes the body",
		"transfer-encoding: chunked":           "cannot be set: it belongs to one connection",
		"Connection: close":                    "cannot be set: it belongs to one connection",
		"Upgrade: h2c":                         "cannot be set: it belongs to one connection",
		"Host: evil":                           "cannot be set: by it the proxy decides what is served",
		"Via: 1.1 x":                           "cannot be set: it names the proxies",
		"X-Forwarded-For: 1.2.3.4":             "cannot be set: it tells the server about the client",
		"X_Forwarded_For: 1.2.3.4":             "cannot be set: it tells the server about the client",
		"X.Forwarded.For: 1.2.3.4":             "cannot be set: it tells the server about the client",
		"Forwarded: for=_x":                    "would contradict X-Forwarded-For",
		"Date: x":                              "the time of one message",
		"Expect: 100-continue":                 "asks for a word before the body",
		"Proxy-Authorization: x":               "is for the proxy next to the client",
		"Sec-WebSocket-Accept: x":              "cannot be set: it is a part of the WebSocket handshake",
	} {
		_, err := ParseHeader(text)
		says(t, err, "headers", part)
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]struct {
		burst    int
		interval time.Duration
	}{
		"20/s": {20, 50 * time.Millisecond}, "1/s": {1, time.Second},
		"600/m": {10, 100 * time.Millisecond}, "6/m": {1, 10 * time.Second}, "1000000/s": {1000000, time.Microsecond},
	} {
		r, err := ParseRate(text)
		if err != nil || r.Burst() != want.burst || r.Interval() != want.interval || r.String() != text {
			t.Errorf("%q: %v with bursts of %d every %v, %v", text, r, r.Burst(), r.Interval(), err)
		}
	}
	for _, text := range []string{"", "20", "20/", "/s", "20/h", "0/s", "-1/s", "+1/s", "1.5/s", "20/s ", "20/S", "1e3/s", "20/s/s"} {
		_, err := ParseRate(text)
		says(t, err, "limits.rate", "is not a rate of requests")
	}
	for _, text := range []string{"1000001/s", "99999999999999999999/m"} {
		_, err := ParseRate(text)
		says(t, err, "limits.rate", "is more than 1000000 requests")
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "10b": 10, "10k": 10240, "64kb": 65536, "10MB": 10 << 20, "10m": 10 << 20, "1g": 1 << 30, "2Gb": 2 << 30,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "+1", "m", "10 mb", "10mbb", "10bm", "1.5g", "10tb", "0x10"} {
		_, err := ParseSize(text)
		says(t, err, "limits.body", "is not a size")
	}
	for _, text := range []string{"99999999999999999999", "9999999999g"} {
		_, err := ParseSize(text)
		says(t, err, "limits.body", "is more than 1048576gb")
	}
	for n, want := range map[int64]string{10 << 20: "10mb", 1536: "1536b", 3 << 30: "3gb", 2048: "2kb"} {
		if got := FormatSize(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestParseAge(t *testing.T) {
	for text, want := range map[string]int{"1s": 1, "90m": 5400, "1h": 3600, "8760h": 31536000} {
		if got, err := ParseAge(text); err != nil || got != want || FormatAge(got) != text {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for text, part := range map[string]string{
		"": "is not a time to keep files for", "1": "is not a time", "0s": "is not a time", "-1h": "is not a time", "never": "is not a time",
		"10ms": "whole seconds", "1.5s": "whole seconds", "8761h": "is more than 8760h",
	} {
		_, err := ParseAge(text)
		says(t, err, "cache", part)
	}
}

func TestContradictions(t *testing.T) {
	for _, test := range []struct {
		rules         Rules
		setting, part string
	}{
		{Rules{Routes: []Route{{Path: "/a/"}, {Path: "/b/"}, {"/a/", "http://h/"}}}, "routes.2", `two routes for the path "/a/"`},
		{Rules{Routes: []Route{{Path: "/a/"}, {}}}, "routes.1.path", "without a path"},
		{Rules{Routes: []Route{{"/a/", "h"}}}, "routes.0.upstream", "not the URL"},
		{Rules{Request: []Header{{"X-A", "1"}, {"x-a", ""}}}, "headers.request.x-a", `"x-a" is set twice`},
		{Rules{Response: []Header{{"X-A", "1"}, {"X-A", "1"}}}, "headers.response.X-A", "is set twice"},
		{Rules{Response: []Header{{"X-A", "a\nb"}}}, "headers.response.X-A", "control character"},
		{Rules{Response: []Header{{"X-A", " a"}}}, "headers.response.X-A", "begins or ends with a blank"},
		{Rules{Request: []Header{{"Host", "a"}}}, "headers.request.Host", "by it the proxy decides"},
		{Rules{CORS: []string{"https://a"}, Response: []Header{{"Access-Control-Allow-Origin", "*"}}}, "headers.response.Access-Control-Allow-Origin", "and so are the origins"},
		{Rules{CORS: []string{"https://a"}, Response: []Header{{"access_control_max_age", "1"}}}, "headers.response.access_control_max_age", "and so are the origins"},
		{Rules{CORS: []string{"https://a"}, Response: []Header{{"Vary", ""}}}, "headers.response.Vary", "and so are the origins"},
		{Rules{Gzip: true, Response: []Header{{"vary", "*"}}}, "headers.response.vary", "and so is gzip"},
		{Rules{MaxAge: 1, Response: []Header{{"Cache-Control", "no-store"}}}, "headers.response.Cache-Control", "and so is the cache"},
		{Rules{Request: []Header{{"X-A", "1"}, {"x_a", ""}}}, "headers.request.x_a", `"x_a" is set twice`},
		{Rules{Request: []Header{{"X.A", "1"}, {"x-a", "1"}}}, "headers.request.x-a", `"x-a" is set twice`},
		{Rules{MaxBody: -1}, "limits.body", "-1 bytes"},
		{Rules{Rate: Rate{1, 7}}, "limits.rate", "in 7 seconds"},
		{Rules{Rate: Rate{0, 1}}, "limits.rate", "0 requests"},
		{Rules{MaxAge: -1}, "cache", "-1 seconds"},
	} {
		says(t, test.rules.Check(), test.setting, test.part)
	}
	for _, fine := range []Rules{
		{},
		{Routes: []Route{{Path: "/a/"}, {Path: "/a/b/"}, {Path: "/A/"}}, Request: []Header{{"X-A", "1"}}, Response: []Header{{"X-A", "1"}}, Rate: Rate{20, 1}},
		{Response: []Header{{"Access-Control-Allow-Origin", "https://app.letta.com"}, {"Vary", "Origin"}, {"Cache-Control", "no-store"}}},
		{CORS: []string{"https://a"}, Gzip: true, MaxAge: 1, Request: []Header{{"Vary", "a"}, {"Cache-Control", "no-cache"}}},
	} {
		if err := fine.Check(); err != nil {
			t.Errorf("%+v: %v", fine, err)
		}
	}
}

// What is accepted can be said again and means the same, and nothing of it can end a line of a message.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"/a/=http://h/b/", "X-A: b", "20/s", "10mb", "1h", "/a/../=http://h", "X: a\r\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseRoute(s); err == nil {
			if (&Rules{Routes: []Route{r}}).Check() != nil || strings.ContainsAny(r.Path, " \r\n%?#\\") || strings.Contains(r.Path+"/", "/../") {
				t.Errorf("route %+v of %q", r, s)
			}
		}
		if h, err := ParseHeader(s); err == nil {
			again, err := ParseHeader(h.Name + ": " + h.Value)
			if err != nil || again != h || strings.ContainsAny(h.Name+h.Value, "\r\n\x00") || strings.ContainsAny(h.Name, ": ") {
				t.Errorf("header %+v of %q", h, s)
			}
		}
		if r, err := ParseRate(s); err == nil && (r.Interval() <= 0 || r.Burst() < 1 || (&Rules{Rate: r}).Check() != nil) {
			t.Errorf("rate %+v of %q", r, s)
		}
		if n, err := ParseSize(s); err == nil {
			if again, err := ParseSize(FormatSize(n)); err != nil || again != n || n < 1 {
				t.Errorf("size %d of %q", n, s)
			}
		}
		if n, err := ParseAge(s); err == nil {
			if again, err := ParseAge(FormatAge(n)); err != nil || again != n || n < 1 {
				t.Errorf("age %d of %q", n, s)
			}
		}
	})
}
