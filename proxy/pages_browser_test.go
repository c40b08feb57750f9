package proxy

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"
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

// A page is for those who navigate: what is refused with 403 changes something, so that no person sees it as one.
func TestRefusalOfAnOriginIsNoPage(t *testing.T) {
	g := start(t, echo(), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "POST", "/mirror", strings.NewReader("mirror"), "Origin: https://mirror.example", "Accept: text/html")
		if res.StatusCode != 403 || errorIn(t, body).Code != "origin_refused" || strings.Contains(body, "mirror") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}
