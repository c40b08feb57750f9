package proxy

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// formCase is a form that a page of some kind sends by itself.
type formCase struct {
	name   string
	frame  string // the page, as an iframe, with the holes of formPages
	status int    // of the answer
}

// formCases are the forms of pages that tell their origin and that do not. The browsers were asked, and say in Sec-Fetch-Site what
// the rule of hidesOwnOrigin needs.
func formCases() []formCase {
	const sandbox = `sandbox="allow-forms allow-scripts"`
	return []formCase{
		{"own", `<iframe src="{own}/page?policy=strict-origin&to={to}"></iframe>`, 200},
		{"own, no-referrer", `<iframe src="{own}/page?policy=no-referrer&to={to}"></iframe>`, 200},
		{"own, no-referrer, redirected to itself", `<iframe src="{own}/page?policy=no-referrer&to={own}/on?to={to}"></iframe>`, 200},
		{"own, no-referrer, in a frame of another site", `<iframe src="{other}/frame?src={own}/page?policy=no-referrer%26to={to}"></iframe>`, 200},
		{"own, no-referrer, in a sandbox with its origin", `<iframe sandbox="allow-forms allow-scripts allow-same-origin" src="{own}/page?policy=no-referrer&to={to}"></iframe>`, 200},
		{"own, in a sandbox", `<iframe ` + sandbox + ` src="{own}/page?policy=no-referrer&to={to}"></iframe>`, 403},
		{"own, a sandbox by itself", `<iframe src="{own}/page?policy=no-referrer&sandbox=allow-forms+allow-scripts&to={to}"></iframe>`, 403},
		{"srcdoc in a sandbox", `<iframe ` + sandbox + ` srcdoc="{form}"></iframe>`, 403},
		{"data URL", `<iframe src="data:text/html,{form}"></iframe>`, 403},
		{"own, no-referrer, by way of another site", `<iframe src="{own}/page?policy=no-referrer&to={other}/on?to={to}"></iframe>`, 403},
		{"other", `<iframe src="{other}/page?policy=strict-origin&to={to}"></iframe>`, 403},
		{"other, no-referrer", `<iframe src="{other}/page?policy=no-referrer&to={to}"></iframe>`, 403},
		{"other, redirected", `<iframe src="{other}/page?policy=strict-origin&to={other}/on?to={to}"></iframe>`, 403},
	}
}

// formPages serves an index of the cases, the pages they are made of, and what the forms are sent to.
func formPages() http.Handler {
	form := func(to string) string {
		return `<form method="post" action="` + to + `"></form><script>document.forms[0].submit()</script>`
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /all", func(w http.ResponseWriter, r *http.Request) {
		for i, c := range formCases() {
			to := fmt.Sprintf("%s/sent/%d", r.FormValue("own"), i)
			filled := html.EscapeString(form(to))
			if strings.Contains(c.frame, "data:") {
				filled = url.PathEscape(form(to))
			}
			strings.NewReplacer("{own}", r.FormValue("own"), "{other}", r.FormValue("other"), "{to}", to, "{form}", filled).WriteString(w, c.frame)
		}
	})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Referrer-Policy", r.FormValue("policy"))
		if s := r.FormValue("sandbox"); s != "" {
			w.Header().Set("Content-Security-Policy", "sandbox "+s)
		}
		io.WriteString(w, form(r.FormValue("to")))
	})
	mux.HandleFunc("GET /frame", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `<iframe src="`+r.FormValue("src")+`"></iframe>`)
	})
	mux.HandleFunc("POST /on", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.FormValue("to"), http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /sent/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "taken") })
	return mux
}

// Which forms pass is decided by what real browsers say of them.
func TestFormsOfBrowsers(t *testing.T) {
	for _, c := range []struct{ name, program, scheme string }{
		{"Chromium", "chromium", "http"}, {"Chromium over TLS", "chromium", "https"}, {"Firefox", "firefox-esr", "http"},
	} {
		t.Run(c.name, func(t *testing.T) {
			program := needsProgram(t, c.program)
			if !inStillNetwork(t) {
				return
			}
			g := start(t, formPages(), nil)
			_, port, _ := strings.Cut(pageServer(t, formPages()), ":")
			page := url.URL{Scheme: c.scheme, Host: g.addr, Path: "/all", RawQuery: url.Values{
				"own": {c.scheme + "://" + g.addr}, "other": {"http://other.example:" + port}}.Encode()}
			if c.program == "chromium" {
				defer openBrowser(t, program, page.String(), "--host-resolver-rules=MAP other.example 127.0.0.1", "--allow-running-insecure-content")()
			} else {
				defer openFirefox(t, program, page.String())()
			}
			for range formCases() {
				a := g.access(t)
				for !strings.HasPrefix(a.Path, "/sent/") || a.Method != "POST" {
					a = g.access(t)
				}
				var i int
				if _, err := fmt.Sscanf(a.Path, "/sent/%d", &i); err != nil {
					t.Fatal(err)
				}
				if want := formCases()[i]; a.Status != want.status {
					t.Errorf("%s: %d, want %d", want.name, a.Status, want.status)
				}
			}
		})
	}
}

// openFirefox has Firefox show a page until the function it returns is called.
func openFirefox(t *testing.T, firefox, url string) (end func()) {
	t.Helper()
	profile := t.TempDir()
	const settings = `user_pref("network.dns.localDomains", "other.example");` + "\n" +
		`user_pref("network.dns.disableIPv6", true);` + "\n" +
		`user_pref("browser.aboutwelcome.enabled", false);` + "\n" +
		`user_pref("datareporting.policy.dataSubmissionEnabled", false);` + "\n"
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	browser := exec.CommandContext(t.Context(), firefox, "--headless", "--no-remote", "--profile", profile, url)
	browser.Env = append(os.Environ(), "HOME="+profile)
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = browser.Process.Signal(os.Interrupt)
		_ = browser.Wait()
	}
}

// A form that is refused, or fails, ends in a page, in a frame too.
func TestRefusedFormEndsInAPage(t *testing.T) {
	chromium := needsBrowser(t)
	if !inStillNetwork(t) {
		return
	}
	g := start(t, formPages(), routed(nobody(t), "/gone/=http://@"))
	other := strings.Replace(pageServer(t, formPages()), "127.0.0.1", "other.example", 1)
	b := openTab(t, chromium)
	for _, c := range []struct{ name, page, to, where, want string }{
		{"refused", "http://" + other + "/page?to=", "http://" + g.addr + "/sent/0", "document", "may not use the server"},
		{"failed, in a frame", "http://" + g.addr + "/frame?src=/page?to=", "http://" + g.addr + "/gone/", "frames[0].document", "no connection"},
	} {
		b.call("Page.navigate", map[string]any{"url": c.page + c.to}, nil)
		b.await(func(m devtoolsMessage) bool {
			navigated, _ := m.Params.(map[string]any)
			frame, _ := navigated["frame"].(map[string]any)
			return m.Method == "Page.frameNavigated" && frame["url"] == c.to
		})
		var page string
		for deadline := time.Now().Add(patience); page == "" && time.Now().Before(deadline); {
			b.ask(c.where+".querySelector('main')?.innerText ?? ''", &page)
		}
		if !strings.Contains(page, c.want) {
			t.Errorf("%s: the browser shows %q", c.name, page)
		}
	}
	b.show("about:blank")
}
