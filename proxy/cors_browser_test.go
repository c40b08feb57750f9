package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// What the fields are for, a browser decides: it lets a page of a chosen origin send what needs a preflight, with its
// cookies, and read the answer, although the upstream says something else, and twice. To a page of another origin it gives
// nothing of the upstream's.
func TestCORSInABrowser(t *testing.T) {
	chromium := needsBrowser(t)
	if !inStillNetwork(t) {
		return
	}
	var address atomic.Value // of the proxy, once it is known
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><p>waiting</p><script>
const ask = async (path, options) => {
  try {
    const r = await fetch("http://%s" + path, {credentials: "include", ...options});
    return r.status + " " + r.headers.get("X-Run") + " " + (await r.text()).slice(0, 5);
  } catch (e) { return "refused"; }
};
(async () => {
  const got = [await ask("/v1/agents/", {method: "PATCH", headers: {"Content-Type": "application/json", "user_id": "1"}, body: "{}"}), await ask("/gone/x")];
  document.querySelector("p").textContent = "got: " + got.join("; ");
})();
</script>`, address.Load())
	})
	chosen, other := pageServer(t, page), pageServer(t, page)
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Access-Control-Allow-Origin"] = []string{"*", "https://app.letta.com"}
		w.Header().Set("Access-Control-Expose-Headers", "X-Run")
		w.Header().Set("X-Run", r.Method)
		if r.Method == "OPTIONS" {
			w.WriteHeader(http.StatusBadRequest) // as Letta answers origins that it does not know
		}
		io.WriteString(w, "hello")
	}), func(c *Config) {
		routed(nobody(t), "/gone/=http://@")(c)
		c.Policy.CORS = []string{"http://" + chosen}
	})
	address.Store(g.addr)
	if got := browse(t, chromium, chosen); !strings.Contains(got, "got: 200 PATCH hello; 502 null {\"err") {
		t.Errorf("a page of the chosen origin:\n%s", got)
	}
	if got := browse(t, chromium, other); !strings.Contains(got, "got: refused; 502 null {\"err") { // our errors are for every page on a name of ours
		t.Errorf("a page of another origin:\n%s", got)
	}
}

func pageServer(t *testing.T, page http.Handler) string {
	t.Helper()
	s := httptest.NewServer(page)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// browse shows the page of a server in a browser of its own, and returns what became of it.
func browse(t *testing.T, chromium, server string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=10000", "--dump-dom", "http://"+server+"/")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
