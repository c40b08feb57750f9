package proxy

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// measures is what a browser makes of the page it shows: the contrast of each text as WCAG 2.2 computes it, whether the ground
// is light, and whether anything sticks out of a phone.
const measures = `(() => {
  const rgb = c => c.match(/[\d.]+/g).map(Number);
  const luminance = c => rgb(c).slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] !== 0) return luminance(c); } return 1; };
  const texts = [...document.querySelectorAll('body *')].filter(e => e.offsetParent && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  return {
    Texts: texts.map(e => {
      const [a, b] = [luminance(getComputedStyle(e).color) + .05, ground(e) + .05];
      return {Text: e.textContent.trim(), Contrast: Math.max(a / b, b / a)};
    }),
    Light: ground(document.body) > .5,
    Wide: document.documentElement.scrollWidth > innerWidth,
    All: document.documentElement.outerHTML,
  };
})()`

type measured struct {
	Texts []struct {
		Text     string
		Contrast float64
	}
	Light, Wide bool
	All         string
}

// Each page can be read in light and in dark, on a phone too, and repeats nothing of what it was asked.
func TestPagesAreReadable(t *testing.T) {
	chromium := needsBrowser(t)
	if !inStillNetwork(t) {
		return
	}
	b := openTab(t, chromium)
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": false}, nil)
	for _, page := range []struct {
		name   string
		host   string
		status int
		says   []string
		change func(*Config)
	}{
		{"an unknown name", "mirror.example", 404, []string{"Not Found", "add the name to x-letta-dev.hosts"}, nil},
		{"down", "localhost", 502, []string{"Bad Gateway", "letta-server:8283 is not running", "letta-dev up"},
			func(c *Config) { c.REST.State = newStateBox(State{Phase: Down}).get }},
		{"nobody listens", "localhost", 502, []string{"Bad Gateway", "no connection to letta-server:8283", "letta-dev status"},
			func(c *Config) { c.REST.Dial = dialer(nobody(t)) }},
		{"starting", "localhost", 503, []string{"letta-server:8283 is starting", "Database", "done", "Migrations", "running", "Server", "waiting", "letta-dev logs -f"},
			func(c *Config) { c.REST.State = newStateBox(migrating(time.Now())).get }},
		{"too slow", "localhost", 504, []string{"Gateway Timeout", "letta-dev status"},
			func(c *Config) {
				c.REST.Dial = func(context.Context) (net.Conn, error) { return nil, os.ErrDeadlineExceeded }
			}},
	} {
		g := start(t, echo(), page.change)
		_, port, _ := net.SplitHostPort(g.addr)
		for _, scheme := range []string{"light", "dark"} {
			b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}}}, nil)
			b.show("https://" + page.host + ":" + port + "/mirror/me%3Cb%3E?q=mirror<b>&mirror")
			a := g.access(t)
			for !strings.HasPrefix(a.Path, "/mirror") { // but what a page before asked for
				a = g.access(t)
			}
			if a.Status != page.status {
				t.Errorf("%s: status %d, want %d", page.name, a.Status, page.status)
			}
			var got measured
			b.ask(measures, &got)
			all := ""
			for _, text := range got.Texts {
				all += text.Text + "\n"
				if text.Contrast < 4.5 { // WCAG 2.2, section 1.4.3
					t.Errorf("%s, %s: a contrast of %.1f: %q", page.name, scheme, text.Contrast, text.Text)
				}
			}
			for _, says := range page.says {
				if !strings.Contains(all, says) {
					t.Errorf("%s, %s: it does not say %q:\n%s", page.name, scheme, says, all)
				}
			}
			if got.Light != (scheme == "light") || got.Wide || strings.Contains(got.All, "mirror") {
				t.Errorf("%s, %s: light %v, too wide %v:\n%s", page.name, scheme, got.Light, got.Wide, got.All)
			}
		}
		b.show("about:blank") // no page asks a proxy that ends
	}
}

// A person who sent a form sees a page, whatever becomes of it; a program gets JSON.
func TestFormsGetPages(t *testing.T) {
	form := []string{"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Mode: navigate"}
	for _, c := range []struct {
		name, method, path string
		fields             []string
		status             int
		change             func(*Config)
	}{
		{"a foreign page", "POST", "/mirror", []string{"Origin: https://mirror.example"}, 403, nil},
		{"an unknown name", "POST", "/mirror", []string{"Host: mirror.example"}, 404, nil},
		{"a method", "TRACE", "/mirror", nil, 405, nil},
		{"a large body", "POST", "/mirror", nil, 413, func(c *Config) { c.Policy.MaxBody = 3 }},
		{"too often", "POST", "/mirror", nil, 429, func(c *Config) { c.Policy.Rate = policy.Rate{Requests: 1, Seconds: 60} }},
		{"a form in a URL", "GET", "/mirror?" + strings.Repeat("a", 20<<10), nil, 414, nil},
		{"a climb", "POST", "/app/../mirror", nil, 400, routed(nobody(t), "/app/=http://@/base/")},
		{"nobody listens", "POST", "/mirror", nil, 502, func(c *Config) { c.REST.Dial = dialer(nobody(t)) }},
		{"down", "POST", "/mirror", nil, 502, func(c *Config) { c.REST.State = newStateBox(State{Phase: Down}).get }},
		{"starting", "POST", "/mirror", nil, 503, func(c *Config) { c.REST.State, c.HoldFor = newStateBox(migrating(time.Now())).get, time.Millisecond }},
	} {
		g := start(t, echo(), c.change)
		for _, w := range g.wires(g.addr) {
			t.Run(c.name+"/"+w.name, func(t *testing.T) {
				if c.status == 429 { // the first may pass
					_, _ = w.do(t, "GET", "/", nil)
				}
				body := func() io.Reader {
					if c.method != "POST" {
						return nil
					}
					return strings.NewReader("mirror=1")
				}
				res, page := w.do(t, c.method, c.path, body(), append(form, c.fields...)...)
				if res.StatusCode != c.status || res.Header.Get("Content-Type") != "text/html; charset=utf-8" ||
					!strings.Contains(page, "answered by letta-dev") || strings.Contains(page, "mirror") || strings.Contains(page, "<script") {
					t.Errorf("%d %s: %s", res.StatusCode, res.Header.Get("Content-Type"), page)
				}
				for _, program := range [][]string{nil, {"Accept: */*"}, {"Accept: application/json, text/html;q=0.5"}, {"Accept: text/html; q=0"},
					{"Accept: text/html", "Sec-Fetch-Mode: cors"}} {
					if res, said := w.do(t, c.method, c.path, body(), append(program, c.fields...)...); res.StatusCode != c.status || errorIn(t, said).Message == "" {
						t.Errorf("%q: %d %s", program, res.StatusCode, said)
					}
				}
			})
		}
	}
}
