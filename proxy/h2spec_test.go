//go:build h2spec

package proxy

import (
	"encoding/xml"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestH2spec runs h2spec's cases against the proxy, and against a plain server of net/http in the same run: what that fails is its
// own affair, and nothing else may fail.
func TestH2spec(t *testing.T) {
	h2spec := filepath.Join(t.TempDir(), "h2spec")
	build := exec.Command("go", "build", "-modfile=tools/go.mod", "-o", h2spec, "github.com/summerwind/h2spec/cmd/h2spec")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building h2spec: %v\n%s", err, out)
	}
	plain := httptest.NewUnstartedServer(echo())
	plain.EnableHTTP2 = true
	plain.Config.ErrorLog = log.New(io.Discard, "", 0)
	plain.StartTLS()
	defer plain.Close()

	theirs := runH2spec(t, h2spec, plain.Listener.Addr().String())
	ours := runH2spec(t, h2spec, start(t, echo(), nil).addr)
	t.Logf("%d cases: net/http fails %d, the proxy %d", ours.cases, len(theirs.failed), len(ours.failed))
	if ours.cases < 145 || ours.cases != theirs.cases {
		t.Errorf("%d cases of ours, %d of net/http's", ours.cases, theirs.cases)
	}
	for _, name := range ours.failed {
		if !slices.Contains(theirs.failed, name) {
			t.Errorf("only the proxy fails: %s", name)
		}
	}
	if len(theirs.failed) > 4 {
		t.Errorf("net/http fails more than it used to: %q", theirs.failed)
	}
}

type specResult struct {
	cases  int
	failed []string
}

func runH2spec(t *testing.T, h2spec, addr string) specResult {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	report := filepath.Join(t.TempDir(), "report.xml")
	out, runErr := exec.Command(h2spec, "--tls", "--insecure", "--host", host, "--port", port, "--timeout", "5", "--junit-report", report).CombinedOutput()
	b, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("h2spec: %v, %v\n%s", runErr, err, out)
	}
	var suites struct {
		Suites []struct {
			Name  string `xml:"id,attr"`
			Cases []struct {
				Name    string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b, &suites); err != nil {
		t.Fatal(err)
	}
	var r specResult
	for _, suite := range suites.Suites {
		for _, c := range suite.Cases {
			if r.cases++; c.Failure != nil || c.Error != nil {
				r.failed = append(r.failed, suite.Name+": "+c.Name)
			}
		}
	}
	return r
}
