package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// corsServer answers as a server with rules of its own.
func corsServer() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Access-Control-Allow-Origin"] = []string{"*", "https://app.letta.com"}
		w.Header().Set("Access-Control-Expose-Headers", "X-Run")
		w.Header().Set("Vary", "Accept")
		if r.Method == "OPTIONS" {
			w.WriteHeader(http.StatusTeapot)
		}
		io.WriteString(w, "hello")
	})
}

func TestCORSOfThePolicy(t *testing.T) {
	g := start(t, corsServer(), func(c *Config) { c.Policy.CORS = []string{"https://my.app", "http://localhost:5173"} })
	g.each(t, func(t *testing.T, w wire) {
		for _, test := range []struct {
			origin, allowed, vary string
		}{
			{"https://my.app", "https://my.app", "Accept, Origin"},
			{"http://localhost:5173", "http://localhost:5173", "Accept, Origin"},
			{"HTTPS://My.App:443", "HTTPS://My.App:443", "Accept, Origin"},
			{"https://app.letta.com", "*|https://app.letta.com", "Accept, Origin"}, // the server's own business
			{"https://my.app.evil", "*|https://app.letta.com", "Accept, Origin"},
			{"", "*|https://app.letta.com", "Accept, Origin"},
		} {
			var fields []string
			if test.origin != "" {
				fields = []string{"Origin: " + test.origin}
			}
			res, body := w.do(t, "GET", "/", nil, fields...)
			h := res.Header
			if got := strings.Join(h["Access-Control-Allow-Origin"], "|"); got != test.allowed || body != "hello" {
				t.Errorf("%q: allowed %q, want %q", test.origin, got, test.allowed)
			}
			if got := strings.Join(h["Vary"], "|"); got != test.vary {
				t.Errorf("%q: Vary %q, want %q", test.origin, got, test.vary)
			}
			ours := test.origin == test.allowed && test.origin != ""
			if got := h.Get("Access-Control-Allow-Credentials") == "true"; got != ours || h.Get("Access-Control-Expose-Headers") != "X-Run" {
				t.Errorf("%q: credentials %v, exposed %q", test.origin, got, h.Get("Access-Control-Expose-Headers"))
			}
		}
	})
}

func TestOriginsOfThePolicyMayChangeThings(t *testing.T) {
	g := start(t, echo(), func(c *Config) { c.Policy.CORS = []string{"https://my.app"} })
	g.each(t, func(t *testing.T, w wire) {
		if res, _ := w.do(t, "DELETE", "/", nil, "Origin: https://my.app"); res.StatusCode != 200 {
			t.Errorf("%d", res.StatusCode)
		}
		res, _ := w.do(t, "DELETE", "/", nil, "Origin: https://other.app")
		if res.StatusCode != 403 || res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%d, allowed %q", res.StatusCode, res.Header.Get("Access-Control-Allow-Origin"))
		}
	})
}

func TestPreflightsOfThePolicy(t *testing.T) {
	g := start(t, corsServer(), func(c *Config) { c.Policy.CORS = []string{"https://my.app"} })
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "OPTIONS", "/v1/agents/", nil, "Origin: https://my.app", "Access-Control-Request-Method: PATCH",
			"Access-Control-Request-Headers: content-type, user_id", "Access-Control-Request-Private-Network: true")
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": "https://my.app", "Access-Control-Allow-Credentials": "true",
			"Access-Control-Allow-Headers": "content-type, user_id", "Access-Control-Allow-Private-Network": "true",
			"Access-Control-Max-Age": "600", "Vary": "Origin, Access-Control-Request-Headers",
		} {
			if got := strings.Join(res.Header.Values(name), "|"); got != want {
				t.Errorf("%s %q, want %q", name, got, want)
			}
		}
		if res.StatusCode != 204 || body != "" || !strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "PATCH") {
			t.Errorf("%d %q", res.StatusCode, body)
		}
		hostile, _ := w.do(t, "OPTIONS", "/", nil, "Origin: https://my.app", "Access-Control-Request-Method: PUT", `Access-Control-Request-Headers: a"b`)
		if hostile.StatusCode != 204 || hostile.Header["Access-Control-Allow-Headers"] != nil || hostile.Header["Access-Control-Allow-Private-Network"] != nil {
			t.Errorf("%d %q", hostile.StatusCode, hostile.Header)
		}
		for _, fields := range [][]string{
			{"Origin: https://my.app"}, // no preflight
			{"Origin: https://other.app", "Access-Control-Request-Method: PUT"},
		} {
			if res, _ := w.do(t, "OPTIONS", "/", nil, fields...); res.StatusCode != http.StatusTeapot {
				t.Errorf("%q: %d, want the upstream's answer", fields, res.StatusCode)
			}
		}
	})
}

// A page sees why it was refused, whoever refused it.
func TestErrorsOfOursCarryTheOriginOnce(t *testing.T) {
	g := startAt(t, nobody(t), func(c *Config) { c.Policy.CORS = []string{"https://my.app"} })
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "GET", "/", nil, "Origin: https://my.app")
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": "https://my.app", "Access-Control-Allow-Credentials": "true", "Vary": "Origin",
		} {
			if got := strings.Join(res.Header.Values(name), "|"); got != want {
				t.Errorf("%s %q, want %q", name, got, want)
			}
		}
		if res.StatusCode != 502 || errorIn(t, body).Code != "upstream_unreachable" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}
