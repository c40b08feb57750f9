package truststore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// Without curl the same question is asked by Go, of the same bundle.
func TestProofWithoutCurl(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	bundle := env.InRoot("/etc/ssl/certs/ca-certificates.crt")
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	certstest.Write(t, bundle, 0o644, certstest.PEM(openTest(t, certs.Options{}).Root().Certificate.Raw))
	store := newSystemStore(env)
	if r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{store}, nil)[0]; r.After != Absent || r.Known != ByHandshake || r.Err != nil {
		t.Fatalf("another root: %+v", r)
	}
	certstest.Write(t, bundle, 0o644, certstest.PEM(a.Root().Certificate.Raw))
	if r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{store}, nil)[0]; r.After != Trusted || r.Known != ByHandshake || r.Err != nil {
		t.Fatalf("our root: %+v", r)
	}
}

// debian is a machine of that family whose bundle holds a root. Its commands do nothing but answer.
func debian(t *testing.T, root *x509.Certificate, reply func(host.Command) ([]byte, error)) Store {
	t.Helper()
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{Reply: reply}, "curl")
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, certstest.PEM(root.Raw))
	return newSystemStore(env)
}

// hello goes as far into a handshake as a client that then refuses the certificate.
func hello(t *testing.T, port string) {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", port), &tls.Config{ServerName: proofHost, RootCAs: x509.NewCertPool()})
	if err == nil {
		_ = conn.Close()
		t.Error("accepted without a root")
	}
}

// portOf returns the port that a command asks curl or tstclnt to come to.
func portOf(c host.Command) string {
	if i := slices.Index(c.Argv, "-p"); i >= 0 {
		return c.Argv[i+1]
	}
	return strings.Split(c.Argv[slices.Index(c.Argv, "--resolve")+1], ":")[1]
}

// An answer from somewhere else, such as a proxy that breaks TLS open, proves nothing.
func TestProofWantsItsOwnAnswer(t *testing.T) {
	a := openTest(t, certs.Options{})
	elsewhere := func(host.Command) ([]byte, error) { return []byte("<h1>welcome to the network</h1>"), nil }
	got := Prove(t.Context(), certs.Claim{Authority: a}, []Store{debian(t, a.Root().Certificate, elsewhere)}, nil)[0]
	if got.Known != ByBundle || got.Err == nil || !strings.Contains(got.Err.Error(), "curl reached something else") {
		t.Fatalf("%+v", got)
	}
}

// A client that cannot even start has refused nothing: neither is trust proven by it nor its absence.
func TestProofWantsAHandshake(t *testing.T) {
	a, other := openTest(t, certs.Options{}), openTest(t, certs.Options{})
	crash := func(c host.Command) ([]byte, error) {
		return nil, &host.CommandError{Command: c, Output: "cannot load libcurl.so.4", Err: errors.New("exit status 127")}
	}
	for state, root := range map[State]*x509.Certificate{Trusted: a.Root().Certificate, Absent: other.Root().Certificate} {
		got := Prove(t.Context(), certs.Claim{Authority: a}, []Store{debian(t, root, crash)}, nil)[0]
		if got.After != state || got.Known != ByBundle || got.Client != "curl" || got.Err == nil || !strings.Contains(got.Err.Error(), "libcurl") {
			t.Errorf("%s: %+v", state, got)
		}
		certstest.WantHint(t, got.Err, got.Where, "letta-dev certs status")
	}
}

// The client is believed, not the store: one that refuses what the store says is trusted, and one that accepts what is
// not in it.
func TestProofBeatsTheStoresWord(t *testing.T) {
	a, other := openTest(t, certs.Options{}), openTest(t, certs.Options{})
	refuse := func(c host.Command) ([]byte, error) {
		hello(t, portOf(c))
		return nil, &host.CommandError{Command: c, Err: errors.New("exit status 60"), Output: "SEC_ERROR_UNKNOWN_ISSUER"}
	}
	r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{debian(t, a.Root().Certificate, refuse)}, nil)[0]
	if r.After != Partial || r.Known != ByHandshake || r.Err == nil || !strings.Contains(r.Err.Error(), "SEC_ERROR_UNKNOWN_ISSUER") {
		t.Errorf("%+v", r)
	}
	certstest.WantHint(t, r.Err, r.Where, remakeHint) // and not the command of curl, whose server is gone
	wide := openTest(t, certs.Options{Domains: []string{"example.test"}})
	r = Prove(t.Context(), certs.Claim{Authority: wide}, []Store{debian(t, wide.Root().Certificate, refuse)}, nil)[0]
	certstest.WantHint(t, r.Err, r.Where, "certs init --allow-domain example.test &&") // what is made anew may sign for the same
	accept := func(c host.Command) ([]byte, error) {
		roots := x509.NewCertPool()
		roots.AddCert(a.Root().Certificate)
		p := &proof{port: portOf(c)}
		return p.answer(t.Context(), roots)
	}
	r = Prove(t.Context(), certs.Claim{Authority: a}, []Store{debian(t, other.Root().Certificate, accept)}, nil)[0]
	certstest.WantHint(t, r.Err, "accept it", remakeHint)
}

// gate is a store whose proof waits until the proofs of all its kind have begun.
type gate struct {
	unsupported
	begun *sync.WaitGroup
}

func (g *gate) Status(context.Context, certs.Root) (Status, error) {
	return Status{State: Absent, Known: ByTool}, nil
}

func (g *gate) prove(context.Context, *proof) (verdict, error) {
	g.begun.Done()
	g.begun.Wait()
	return verdict{"gate", ByTool}, errors.New("refused")
}

// A browser reads a database and a policy: which of them it has a root from can be told only when both have been changed.
func TestNoStoreIsTriedBeforeAllAreChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tried atomic.Int32
		each([]Store{&gate{}, &gate{}}, nil, func(Store) func() Result {
			synctest.Wait()
			if tried.Load() > 0 {
				t.Error("one is tried while another has yet to be changed")
			}
			return func() Result { tried.Add(1); return Result{} }
		})
	})
}

func TestProofsRunSideBySideAndReportInOrder(t *testing.T) {
	var stores []Store
	var begun sync.WaitGroup
	names := []string{"a", "b", "c", "d"}
	for _, name := range names {
		begun.Add(1)
		stores = append(stores, &gate{unsupported{name: name}, &begun})
	}
	var told []string
	results := Prove(t.Context(), certs.Claim{Authority: openTest(t, certs.Options{})}, stores, func(r Result) { told = append(told, r.Store) })
	for i, r := range results {
		if r.Store != names[i] || r.Err != nil || r.Client != "gate" {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if !slices.Equal(told, names) {
		t.Errorf("reported %q", told)
	}
}

// remakeHint is what to type when clients and a store disagree.
const remakeHint = "letta-dev certs uninstall && letta-dev certs install"
