package truststore

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// privateStore gives the namespace a store of its own, with three of the distribution's roots instead of all, because
// its tools take seconds for all. Debian's hook for Java is left out: it works on dpkg's database, which is the machine's.
func privateStore(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"/etc/ssl/certs", "/usr/local/share/ca-certificates", "/etc/ca-certificates/update.d"} {
		if host.Exists(dir) {
			certstest.Must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, ""))
		}
	}
	all := bytes.SplitAfter(certstest.Read(t, "/etc/ca-certificates.conf"), []byte("\n"))
	roots := slices.DeleteFunc(all, func(line []byte) bool { return !bytes.HasPrefix(line, []byte("mozilla/")) })
	few := filepath.Join(os.Getenv("CERTS_TEST_NAMESPACE"), "ca-certificates.conf")
	certstest.Must(t, os.WriteFile(few, bytes.Join(roots[:3], nil), 0o600))
	certstest.Must(t, syscall.Mount(few, "/etc/ca-certificates.conf", "", syscall.MS_BIND, ""))
	if out, err := exec.CommandContext(t.Context(), "update-ca-certificates").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// machineEnv is this machine with a home folder of the test's own.
func machineEnv(t *testing.T) host.Env {
	t.Helper()
	env, err := host.Detect(os.Getenv)
	certstest.Must(t, err)
	env.Home, env.Owner = t.TempDir(), nil
	env.Vars = map[string]string{"PATH": os.Getenv("PATH")}
	return env
}

// client is a TLS client of this machine that reads the system's store when nothing tells it otherwise.
type client struct {
	name string
	argv []string
}

func systemClients(url, port string) []client {
	python := "import ssl,socket,sys; s=socket.create_connection(('127.0.0.1'," + port + ")); " +
		"ssl.create_default_context().wrap_socket(s, server_hostname=sys.argv[1])"
	host := strings.Split(strings.TrimPrefix(url, "https://"), ":")[0]
	return []client{
		{"curl", []string{"curl", "-q", "-sSf", "--noproxy", "*", "--resolve", host + ":" + port + ":127.0.0.1", url}},
		{"Python", []string{"/usr/bin/python3", "-c", python, host}},
		{"openssl", []string{"openssl", "s_client", "-connect", "127.0.0.1:" + port, "-servername", host,
			"-verify_return_error", "-verify_hostname", host}},
	}
}

func (c client) accepts(t *testing.T) (bool, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// serve answers on a loopback port with a leaf.
func serve(t *testing.T, leaf *tls.Certificate) (port string) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*leaf}})
	certstest.Must(t, err)
	server := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }),
		ErrorLog: certstest.QuietLog(),
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	_, port, err = net.SplitHostPort(listener.Addr().String())
	certstest.Must(t, err)
	return port
}

func TestSystemStoreOfThisMachine(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	privateStore(t)
	before := certstest.Read(t, "/etc/ssl/certs/ca-certificates.crt")
	a := openTest(t, certs.Options{})
	store := newSystemStore(machineEnv(t))
	port := serve(t, issueTest(t, a, "letta.localhost"))
	clients := systemClients("https://letta.localhost:"+port+"/", port)

	expect(t, clients, false)
	if r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{store}, nil)[0]; r.After != Absent || r.Known != ByHandshake || r.Err != nil {
		t.Fatalf("before: %+v", r)
	}
	for i := range 2 {
		r := Install(t.Context(), a, []Store{store}, nil)[0]
		if r.After != Trusted || r.Err != nil || (i == 0) != (len(r.Commands) == 2) {
			t.Fatalf("trust %d: %+v", i, r)
		}
		expect(t, clients, true)
	}
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{store}, nil)[0]; r.After != Absent || r.Err != nil || r.Known != ByHandshake {
		t.Fatalf("untrust: %+v", r)
	}
	expect(t, clients, false)
	if after := certstest.Read(t, "/etc/ssl/certs/ca-certificates.crt"); string(after) != string(before) {
		t.Error("the bundle is not what it was")
	}
	if dangling := danglingLinks(t, "/etc/ssl/certs"); len(dangling) > 0 {
		t.Errorf("dangling links: %v", dangling)
	}
}

func expect(t *testing.T, clients []client, want bool) {
	t.Helper()
	for _, c := range clients {
		if got, out := c.accepts(t); got != want {
			t.Errorf("%s accepts: %v, want %v: %s", c.name, got, want, out)
		}
	}
}

func danglingLinks(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	certstest.Must(t, err)
	var dangling []string
	for _, entry := range entries {
		if path := filepath.Join(dir, entry.Name()); !host.Exists(path) {
			dangling = append(dangling, path)
		}
	}
	return dangling
}

// Roots of ours go whatever their file is called and whoever remembers them; others stay.
func TestUntrustFindsEveryRootOfOurs(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	privateStore(t)
	const anchors = "/usr/local/share/ca-certificates/"
	older, foreign := openTest(t, certs.Options{}), certstest.SelfSigned(t, "another company")
	certstest.Write(t, anchors+"renamed by someone.crt", 0o644, string(certstest.Read(t, older.Root().Path)))
	certstest.Write(t, anchors+"corporate.crt", 0o644, certstest.PEM(foreign.Raw))
	certstest.Write(t, anchors+"collection.txt", 0o644, certstest.PEM(foreign.Raw, older.Root().Certificate.Raw))
	a := openTest(t, certs.Options{})
	store := newSystemStore(machineEnv(t))
	if r := Install(t.Context(), a, []Store{store}, nil)[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	status, err := store.Status(t.Context(), a.Root())
	if err != nil || len(status.Stale) != 1 || !status.Stale[0].Equal(older.Root().Certificate) {
		t.Fatalf("stale: %v, %v", status.Stale, err)
	}
	if r := Uninstall(t.Context(), certs.Claim{}, []Store{store}, nil)[0]; r.Err != nil || len(r.Commands) != 2 {
		t.Fatalf("untrust: %+v", r)
	}
	status, err = store.Status(t.Context(), a.Root())
	if err != nil || status.State != Absent || len(status.Stale) != 0 || !host.Exists(anchors+"corporate.crt") || !host.Exists(anchors+"collection.txt") {
		t.Fatalf("after: %+v, %v", status, err)
	}
	present, _ := certs.Root{Certificate: foreign}.Find(certstest.Read(t, status.Where))
	if !present {
		t.Error("another company's root is gone")
	}
}

// What a thief could do with the intermediate's key: nothing to other sites, in any client.
func TestStolenIntermediateSignsForNobodyElse(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	privateStore(t)
	a := openTest(t, certs.Options{})
	if r := Install(t.Context(), a, []Store{newSystemStore(machineEnv(t))}, nil)[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	forged := certstest.Forge(t, a.Dir(), "example.com")
	port := serve(t, forged)
	expect(t, systemClients("https://example.com:"+port+"/", port), false)
	if err := certstest.Verify(forged, a.Root().Certificate, "example.com", time.Now()); err == nil {
		t.Error("Go accepts it")
	}
	honest := serve(t, issueTest(t, a, "letta.localhost")) // the refusals are not for another reason
	expect(t, systemClients("https://letta.localhost:"+honest+"/", honest), true)
}

// Chromium itself: refused, accepted, refused. Its home has neither database, so the store makes the new one.
func TestChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT PROVEN: starting a browser takes seconds")
	}
	certstest.RequireTool(t, "chromium")
	certstest.RequireTool(t, "certutil")
	env := machineEnv(t)
	patientWithBrowsers(&env)
	a := openTest(t, certs.Options{})
	stores := nssStores(env)
	if len(stores) != 1 {
		t.Fatalf("stores: %v", stores)
	}
	wantChromium(t, Prove(t.Context(), certs.Claim{Authority: a}, stores, nil)[0], Absent)
	r := Install(t.Context(), a, stores, nil)[0]
	wantChromium(t, r, Trusted)
	if !strings.HasSuffix(r.Where, ".local/share/pki/nssdb") {
		t.Errorf("it is in %s", r.Where)
	}
	wantChromium(t, Uninstall(t.Context(), certs.Claim{Authority: a}, stores, nil)[0], Absent)
}

// patientWithBrowsers lets proofs start a browser and wait for it longer than a person would: here it has to decide,
// however much else the machine does.
func patientWithBrowsers(env *host.Env) {
	env.Browsers = true
	run := env.Run
	env.Run = func(ctx context.Context, c host.Command) ([]byte, error) {
		if c.Limit == browserLimit {
			c.Limit = 5 * time.Minute
		}
		return run(ctx, c)
	}
}

func wantChromium(t *testing.T, r Result, want State) {
	t.Helper()
	if r.After != want || r.Known != ByHandshake || r.Client != "chromium" || r.Err != nil {
		t.Fatalf("want %s: %+v", want, r)
	}
}

// Where the browser cannot start, the NSS tools are asked as if there were none.
func TestChromiumThatCannotStart(t *testing.T) {
	certstest.RequireTool(t, "tstclnt")
	s := nssTest(t)
	s.env.Browsers, s.browser = true, certstest.RequireTool(t, "false")
	if r := Install(t.Context(), openTest(t, certs.Options{}), []Store{s}, nil)[0]; r.After != Trusted || r.Client != "tstclnt" || r.Err != nil {
		t.Errorf("%+v", r)
	}
}

// A browser decides by the page or by what it has against the certificate. One that was too slow for either has come, and
// proven nothing.
func TestWhatABrowserDecides(t *testing.T) {
	certstest.RequireTool(t, "tstclnt")
	certstest.RequireTool(t, "curl")
	s, a := nssTest(t), openTest(t, certs.Options{})
	certstest.Must(t, s.Change(t.Context(), ToInstall, a.Root()))
	s.browser, s.env.Browsers = s.env.InRoot("/bin/browser"), true
	for says, want := range map[string]Result{
		`echo "$page"`: {After: Trusted, Client: "browser"},
		`echo '<html><head></head><body></body></html>'`: {After: Trusted, Client: "tstclnt"},
		`[ -e "$0.again" ] && echo "$page" && exit; touch "$0.again"; echo 'x.cc:403] Page load failed: net::ERR_NETWORK_CHANGED' >&2`: {After: Trusted, Client: "browser"},
		`exec kill -KILL $$`: {After: Trusted, Client: "tstclnt"},
		`echo 'x.cc:403] Page load failed: net::ERR_TIMED_OUT' >&2`:         {After: Trusted, Client: "tstclnt"},
		`echo 'x.cc:403] Page load failed: net::ERR_CERT_DATE_INVALID' >&2`: {After: Partial, Client: "browser"},
	} {
		certstest.Write(t, s.browser, 0o755, "#!/bin/sh\nfor url; do :; done\npage=$(curl --insecure --silent --noproxy '*' \"$url\")\n"+says+"\n")
		r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]
		if r.After != want.After || r.Client != want.Client || r.Known != ByHandshake || (r.Err == nil) != (want.After == Trusted) {
			t.Errorf("%s: %+v", says, r)
		}
		if r.Err != nil && !strings.Contains(r.Err.Error(), "net::ERR_CERT_DATE_INVALID") {
			t.Errorf("%s: %v", says, r.Err)
		}
	}
}
