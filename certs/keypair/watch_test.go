package keypair

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// watch runs a pair and returns what makes it look at its files: when look returns it has looked.
func (b *bench) watch(t *testing.T, hosts ...string) (p *Pair, look func()) {
	t.Helper()
	ticks := make(chan time.Time)
	p, err := Open(b.cert, b.key, Options{Hosts: hosts, Now: b.Now, Changed: b.add, Ticks: ticks})
	certstest.Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	})
	return p, func() {
		ticks <- b.Now()
		ticks <- b.Now() // taken when the first was dealt with
		ticks <- b.Now() // the second too: what is wrong is told at the second look
	}
}

func (b *bench) wantServed(t *testing.T, p *Pair, leaf *x509.Certificate) {
	t.Helper()
	if c, err := p.GetCertificate(&tls.ClientHelloInfo{}); err != nil || !c.Leaf.Equal(leaf) {
		t.Fatalf("serves %v (%v), want %v", c.Leaf.SerialNumber, err, leaf.SerialNumber)
	}
}

// wantUse requires that one thing was told: that a leaf came into use.
func (b *bench) wantUse(t *testing.T, leaf *x509.Certificate) {
	t.Helper()
	told := b.take()
	if len(told) != 1 || told[0].Refused != nil || told[0].Warning != nil || !told[0].NotAfter.Equal(leaf.NotAfter) {
		t.Fatalf("told %+v, want that %v came into use", told, leaf.SerialNumber)
	}
}

func TestPairFollowsItsFiles(t *testing.T) {
	b := newBench(t)
	first := b.put(t, "localhost")
	p, look := b.watch(t)
	look()
	b.wantServed(t, p, first)
	second := b.put(t, "localhost", "dev.example.test")
	look()
	b.wantServed(t, p, second)
	b.wantUse(t, second)
	if p.Names().String() != "localhost dev.example.test" {
		t.Errorf("names %s", p.Names())
	}
	third := b.issuer.leaf(t, b.Now(), p.current.Load().certificate.PrivateKey.(crypto.Signer), []string{"localhost"}, nil)
	replaceFile(t, b.cert, pemCerts(third), 0o644) // renewed with the same key: the other file stays
	look()
	b.wantServed(t, p, third)
	b.wantUse(t, third)
	later := time.Now().Add(time.Hour)
	certstest.Must(t, os.Chtimes(b.cert, later, later))
	look()
	if told := b.take(); len(told) != 0 {
		t.Errorf("a touched file: told %+v", told)
	}
}

// A file may be written in its place: it stays the same file, and its size and time tell.
func TestPairFollowsAFileWrittenInPlace(t *testing.T) {
	b := newBench(t)
	b.put(t, "localhost")
	b.cert, b.key = b.key, b.cert // put below writes the other way round
	both := b.cert
	certstest.Write(t, both, 0o600, string(certstest.Read(t, b.key))+string(certstest.Read(t, b.cert)))
	b.key = both
	p, look := b.watch(t)
	other := newBench(t)
	second := other.put(t, "localhost", "letta.localhost", "127.0.0.1")
	certstest.Write(t, both, 0o600, string(certstest.Read(t, other.cert))+string(certstest.Read(t, other.key)))
	look()
	b.wantServed(t, p, second)
	b.wantUse(t, second)
}

// Kubernetes and certbot replace the links, each in its way; the files behind them never change.
func TestPairFollowsLinks(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	generation := func(name string) *x509.Certificate {
		at := filepath.Join(dir, name)
		certstest.Must(t, os.Mkdir(at, 0o755))
		b.cert, b.key = filepath.Join(at, "tls.crt"), filepath.Join(at, "tls.key")
		return b.put(t, "localhost")
	}
	point := func(name string) {
		certstest.Must(t, os.Symlink(name, filepath.Join(dir, "..new")))
		certstest.Must(t, os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")))
	}
	first, second := generation("1"), generation("2")
	point("1")
	b.cert, b.key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	certstest.Must(t, os.Symlink("..data/tls.crt", b.cert))
	certstest.Must(t, os.Symlink("..data/tls.key", b.key))
	p, look := b.watch(t)
	b.wantServed(t, p, first)
	point("2")
	look()
	b.wantServed(t, p, second)
	b.wantUse(t, second)
}

// Between the two files of a new pair nothing is said, and the old pair serves.
func TestPairWaitsForTheOtherFile(t *testing.T) {
	b := newBench(t)
	first := b.put(t, "localhost")
	next := newBench(t)
	second := next.put(t, "localhost")
	ticks := make(chan time.Time)
	p, err := Open(b.cert, b.key, Options{Now: b.Now, Changed: b.add, Ticks: ticks})
	certstest.Must(t, err)
	replaceFile(t, b.cert, string(certstest.Read(t, next.cert)), 0o644)
	p.look()
	b.wantServed(t, p, first)
	replaceFile(t, b.key, string(certstest.Read(t, next.key)), 0o600)
	p.look()
	b.wantServed(t, p, second)
	b.wantUse(t, second)
}

// What is refused is said once for each change, and the old pair serves on until something better comes.
func TestPairRefusesNewFiles(t *testing.T) {
	b := newBench(t)
	first := b.put(t, "localhost", "dev.example.test")
	p, look := b.watch(t, "dev.example.test")
	p256 := ecKey(t, elliptic.P256())
	for name, c := range map[string]struct {
		change     func()
		says, hint string
	}{
		"another's key":   {func() { b.put(t, "dev.example.test"); replaceFile(t, b.key, pemKey(t, p256), 0o600) }, "not the key", "openssl"},
		"lacks our host":  {func() { b.put(t, "localhost") }, "does not cover dev.example.test", "mkcert dev.example.test"},
		"gone":            {func() { certstest.Remove(t, b.cert) }, "no such file", "ls -ld"},
		"broken":          {func() { b.put(t, "localhost"); cutShort(t, b.cert) }, "its PEM is broken", "grep"},
		"a pipe of bytes": {func() { replaceFile(t, b.cert, strings.Repeat("x", host.MaxPEM+1), 0o644) }, "larger than 1024 KiB", "ls -ld"},
		"swapped":         {func() { b.cert, b.key = b.key, b.cert; b.put(t, "localhost"); b.cert, b.key = b.key, b.cert }, "it holds the key", "--cert"},
	} {
		c.change()
		for range 3 {
			look()
		}
		told := b.take()
		wantTold(t, told, refusal, c.says, c.hint)
		if !told[0].NotAfter.Equal(first.NotAfter) || told[0].Names.String() != "localhost dev.example.test" {
			t.Errorf("%s: told %+v, which is not of the pair in use", name, told)
		}
		b.wantServed(t, p, first)
	}
	good := b.put(t, "dev.example.test")
	look()
	b.wantServed(t, p, good)
	b.wantUse(t, good)
}

// A complaint is taken back when the old files are back, but nobody hears of trouble that nobody heard of.
func TestPairPutBack(t *testing.T) {
	b := newBench(t)
	first := b.put(t, "localhost")
	cert, key := string(certstest.Read(t, b.cert)), string(certstest.Read(t, b.key))
	p, look := b.watch(t)
	certstest.Remove(t, b.cert)
	look()
	wantTold(t, b.take(), refusal, "no such file", "ls -ld")
	b.write(t, cert, key)
	look()
	b.wantServed(t, p, first)
	b.wantUse(t, first)
}

// Time mends a certificate that begins in a while.
func TestPairThatBeginsLater(t *testing.T) {
	b := newBench(t)
	first := b.put(t, "localhost")
	p, look := b.watch(t)
	key := ecKey(t, elliptic.P256())
	next := b.issuer.leaf(t, b.Now().Add(2*time.Hour), key, []string{"localhost"}, nil)
	b.write(t, pemCerts(next), pemKey(t, key))
	look()
	b.wantServed(t, p, first)
	wantTold(t, b.take(), refusal, "it begins on", "date")
	b.Advance(2 * time.Hour)
	look()
	b.wantServed(t, p, next)
	b.wantUse(t, next)
}

// The end of what is in use is said a week ahead and when it has come, once each; short lives get a third of theirs.
func TestPairTellsOfItsEnd(t *testing.T) {
	b := newBench(t)
	first := b.put(t, "localhost")
	p, look := b.watch(t)
	b.Advance(first.NotAfter.Sub(b.Now()) - 8*certstest.Day)
	look()
	if told := b.take(); len(told) != 0 {
		t.Errorf("eight days before: %+v", told)
	}
	b.Advance(2 * certstest.Day)
	look()
	wantTold(t, b.take(), warning, "it ends on 2027-11-23 12:00 UTC", "openssl x509 -noout -subject -issuer -dates")
	look()
	b.Advance(7 * certstest.Day)
	look()
	wantTold(t, b.take(), warning, "it ended on", "openssl x509")
	b.wantServed(t, p, first) // there is nothing better
	next := b.put(t, "localhost")
	look()
	b.wantUse(t, next)

	key := ecKey(t, elliptic.P256())
	short := b.issuer.leaf(t, b.Now(), key, []string{"localhost"}, func(c *x509.Certificate) { c.NotAfter = b.Now().Add(23 * time.Hour) })
	b.write(t, pemCerts(short), pemKey(t, key))
	look()
	b.wantUse(t, short)
	b.Advance(16 * time.Hour)
	look()
	wantTold(t, b.take(), warning, "it ends on", "openssl")
}

// Whoever starts with little time left hears of it at once.
func TestPairTellsOfANearEndAtOnce(t *testing.T) {
	b := newBench(t)
	b.put(t, "localhost")
	b.Advance(360 * certstest.Day)
	_, err := b.open()
	certstest.Must(t, err)
	wantTold(t, b.take(), warning, "it ends on", "openssl")
}

// An open connection keeps its keys, a new one gets the new certificate, and a handshake under way ends well.
func TestPairChangesUnderOpenConnections(t *testing.T) {
	b := newBench(t)
	b.put(t, "localhost")
	p, look := b.watch(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	certstest.Must(t, err)
	defer listener.Close()
	go echoAll(listener, &tls.Config{GetCertificate: p.GetCertificate, Time: b.Now})
	roots := x509.NewCertPool()
	roots.AddCert(b.root.Certificate)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost", Time: b.Now}
	old, err := tls.Dial("tcp", listener.Addr().String(), config)
	certstest.Must(t, err)
	defer old.Close()
	raw, err := net.Dial("tcp", listener.Addr().String()) // accepted before, begins after
	certstest.Must(t, err)
	late := tls.Client(raw, config)
	defer late.Close()

	second := b.put(t, "localhost")
	look()
	certstest.Echo(t, old)
	certstest.Echo(t, late)
	fresh, err := tls.Dial("tcp", listener.Addr().String(), config)
	certstest.Must(t, err)
	defer fresh.Close()
	certstest.Echo(t, fresh)
	if !fresh.ConnectionState().PeerCertificates[0].Equal(second) || old.ConnectionState().PeerCertificates[0].Equal(second) {
		t.Error("the new certificate is not what new connections get")
	}
}

func echoAll(listener net.Listener, config *tls.Config) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			secure := tls.Server(conn, config)
			_, _ = io.Copy(secure, secure)
		}()
	}
}

func cutShort(t *testing.T, path string) {
	t.Helper()
	replaceFile(t, path, string(certstest.Read(t, path))[:100], 0o600)
}
