package truststore

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
)

// privateEtc lays a folder of the test's own over /etc, in its namespace.
func privateEtc(t *testing.T) {
	t.Helper()
	dir := filepath.Join(os.Getenv("CERTS_TEST_NAMESPACE"), "etc")
	certstest.Must(t, os.Mkdir(dir, 0o755))
	certstest.Must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "")) // an overlay over an overlay, as in containers, is refused
	upper, work := filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	certstest.Must(t, os.Mkdir(upper, 0o755))
	certstest.Must(t, os.Mkdir(work, 0o755))
	certstest.Must(t, syscall.Mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir="+upper+",workdir="+work))
}

// Chromium itself takes the root from the policy: it is started with a home that has no database at all.
func TestChromiumPolicy(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT PROVEN: starting a browser takes seconds")
	}
	certstest.RequireTool(t, "chromium")
	if !certstest.InNamespace(t) {
		return
	}
	privateEtc(t)
	env := machineEnv(t)
	patientWithBrowsers(&env)
	a := openTest(t, certs.Options{})
	stores := Stores(env, Policies)[:1]
	wantChromium(t, Prove(t.Context(), certs.Claim{Authority: a}, stores, nil)[0], Absent)
	wantChromium(t, Install(t.Context(), a, stores, nil)[0], Trusted)
	if left := filesIn(t, env.Home); len(left) != 0 {
		t.Errorf("left in the user's home: %q", left)
	}
	both := append(nssStores(env), stores...) // whoever is asked reads both
	wantChromium(t, Install(t.Context(), a, both, nil)[0], Trusted)
	for _, r := range Uninstall(t.Context(), certs.Claim{Authority: a}, both, nil) {
		wantChromium(t, r, Absent)
	}
}

// So does Firefox, with profiles that it has never started.
func TestFirefoxPolicy(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT PROVEN: starting a browser takes seconds")
	}
	browser, err := exec.LookPath("firefox-esr")
	if err != nil {
		browser = certstest.RequireTool(t, "firefox")
	}
	if !certstest.InNamespace(t) {
		return
	}
	privateEtc(t)
	env := machineEnv(t)
	a := openTest(t, certs.Options{})
	leaf := issueTest(t, a, "letta.localhost")
	found := Stores(env, Policies)
	stores := found[len(found)-1:]
	for _, want := range []string{"accepted", "refused"} {
		change := func() []Result { return Install(t.Context(), a, stores, nil) }
		if want == "refused" {
			change = func() []Result { return Uninstall(t.Context(), certs.Claim{Authority: a}, stores, nil) }
		}
		if r := change()[0]; r.Err != nil || len(r.Commands) == 0 || r.Known != ByBundle {
			t.Fatalf("%+v", r)
		}
		if got := visit(t, env, leaf, browser, t.TempDir()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
