package keypair

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
)

// somebody is an authority that is not ours, and signs anything.
type somebody struct {
	*x509.Certificate
	key crypto.Signer
}

func newSomebody(t *testing.T, name string, parent *somebody, now time.Time) *somebody {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := ecKey(t, elliptic.P256())
	if parent == nil {
		parent = &somebody{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.Certificate, key.Public(), parent.key)
	certstest.Must(t, err)
	c, err := x509.ParseCertificate(der)
	certstest.Must(t, err)
	return &somebody{c, key}
}

// leaf signs a certificate of a year for names, after change has had its way with it, for a key.
func (s *somebody) leaf(t *testing.T, now time.Time, key crypto.Signer, names []string, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	parsed := certs.Names(names)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "somebody's leaf"}, DNSNames: parsed.DNS(), IPAddresses: parsed.IPs(),
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.Certificate, key.Public(), s.key)
	certstest.Must(t, err)
	c, err := x509.ParseCertificate(der)
	certstest.Must(t, err)
	return c
}

func ecKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	certstest.Must(t, err)
	return key
}

func pemCerts(chain ...*x509.Certificate) string {
	var raw [][]byte
	for _, c := range chain {
		raw = append(raw, c.Raw)
	}
	return certstest.PEM(raw...)
}

func pemKey(t *testing.T, key crypto.Signer) string {
	t.Helper()
	return certstest.PEMKey(t, key)
}

// bench is where pairs are tried: two files, an authority with an intermediate, a clock, and what was told.
type bench struct {
	*certstest.Clock
	root, issuer *somebody
	cert, key    string // paths
	mu           sync.Mutex
	told         []Change
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir, c := t.TempDir(), certstest.NewClock()
	b := &bench{Clock: c, cert: filepath.Join(dir, "dev.pem"), key: filepath.Join(dir, "dev-key.pem")}
	b.root = newSomebody(t, "somebody's root", nil, c.Now())
	b.issuer = newSomebody(t, "somebody's intermediate", b.root, c.Now())
	return b
}

// put writes a pair for names with its chain, and returns its leaf.
func (b *bench) put(t *testing.T, names ...string) *x509.Certificate {
	t.Helper()
	key := ecKey(t, elliptic.P256())
	leaf := b.issuer.leaf(t, b.Now(), key, names, nil)
	b.write(t, pemCerts(leaf, b.issuer.Certificate), pemKey(t, key))
	return leaf
}

// write replaces the files by rename, so that a new one is another file however fast tests are.
func (b *bench) write(t *testing.T, cert, key string) {
	t.Helper()
	replaceFile(t, b.cert, cert, 0o644)
	replaceFile(t, b.key, key, 0o600)
}

func replaceFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	certstest.Write(t, path+".new", mode, content)
	certstest.Must(t, os.Rename(path+".new", path))
}

func (b *bench) open(hosts ...string) (*Pair, error) {
	return Open(b.cert, b.key, Options{Hosts: hosts, Now: b.Now, Changed: b.add})
}

func (b *bench) add(c Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, c)
}

// take returns what was told since the last call.
func (b *bench) take() []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.told
	b.told = nil
	return taken
}

// wantTold requires that exactly one thing was told: of this kind, in these words.
func wantTold(t *testing.T, told []Change, kind func(Change) error, says, hint string) {
	t.Helper()
	if len(told) != 1 {
		t.Fatalf("told %d things, want one: %+v", len(told), told)
	}
	certstest.WantHint(t, kind(told[0]), says, hint)
}

func refusal(c Change) error { return c.Refused }

func warning(c Change) error {
	if c.Warning == nil {
		return errors.New("no warning")
	}
	return c.Warning
}
