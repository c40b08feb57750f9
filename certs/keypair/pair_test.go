package keypair

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestPairServesWhatSomebodyBrought(t *testing.T) {
	b := newBench(t)
	leaf := b.put(t, "Dev.Example.test", "*.dev.example.test", "*.localhost", "localhost", "192.0.2.7", "::ffff:127.0.0.1")
	p, err := b.open("dev.example.test", "api.dev.example.test", "192.0.2.7")
	certstest.Must(t, err)
	for _, serverName := range []string{"dev.example.test", "", "whatever"} {
		c, err := p.GetCertificate(&tls.ClientHelloInfo{ServerName: serverName})
		certstest.Must(t, err)
		if !c.Leaf.Equal(leaf) || len(c.Certificate) != 2 {
			t.Errorf("for %q: %v with %d certificates", serverName, c.Leaf.Subject, len(c.Certificate))
		}
	}
	if got := strings.Join(p.Names(), " "); got != "dev.example.test *.dev.example.test localhost 192.0.2.7 127.0.0.1" {
		t.Errorf("names %s", got)
	}
	if !p.NotAfter().Equal(leaf.NotAfter) {
		t.Errorf("ends %s, want %s", p.NotAfter(), leaf.NotAfter)
	}
	if told := b.take(); len(told) != 0 {
		t.Errorf("told %+v", told)
	}
}

// Every kind of key file that tools write, and both in one file, in either order.
func TestPairTakesEveryForm(t *testing.T) {
	b := newBench(t)
	p256 := ecKey(t, elliptic.P256())
	p384 := ecKey(t, elliptic.P384())
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	certstest.Must(t, err)
	ec, err := x509.MarshalECPrivateKey(p384.(*ecdsa.PrivateKey))
	certstest.Must(t, err)
	parameters := string(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 5, 43, 129, 4, 0, 34}}))
	for name, form := range map[string]struct {
		key     crypto.Signer
		encoded string
	}{
		"PKCS #8":     {p256, pemKey(t, p256)},
		"SEC 1":       {p384, parameters + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ec}))},
		"PKCS #1":     {rsaKey, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))},
		"line ends":   {p256, strings.ReplaceAll(pemKey(t, p256), "\n", "\r\n")},
		"byte order":  {p256, "\ufeff" + pemKey(t, p256)},
		"explanation": {p256, "Bag Attributes\n  friendlyName: dev\n" + pemKey(t, p256)},
	} {
		t.Run(name, func(t *testing.T) {
			leaf := b.issuer.leaf(t, b.Now(), form.key, []string{"localhost"}, nil)
			chain := pemCerts(leaf, b.issuer.Certificate)
			b.write(t, chain, form.encoded)
			_, err := b.open()
			certstest.Must(t, err)
			for _, both := range []string{chain + form.encoded, form.encoded + chain} {
				path := filepath.Join(t.TempDir(), "both.pem")
				certstest.Write(t, path, 0o600, both)
				p, err := Open(path, path, Options{Now: b.Now})
				certstest.Must(t, err)
				if !p.current.Load().certificate.Leaf.Equal(leaf) {
					t.Error("another leaf is served")
				}
			}
		})
	}
}

func TestPairRefusesWithReasonAndAdvice(t *testing.T) {
	for name, c := range map[string]struct {
		change     func(t *testing.T, b *bench)
		hosts      []string
		says, hint string
	}{
		"no certificate file": {func(t *testing.T, b *bench) { certstest.Remove(t, b.cert) }, nil, "dev.pem: no such file", "ls -ld "},
		"no key file":         {func(t *testing.T, b *bench) { certstest.Remove(t, b.key) }, nil, "dev-key.pem: no such file", "ls -ld "},
		"a folder":            {func(t *testing.T, b *bench) { certstest.Remove(t, b.cert); certstest.Must(t, os.Mkdir(b.cert, 0o755)) }, nil, "dev.pem: it is a folder", "ls -ld "},
		"a dangling link":     {func(t *testing.T, b *bench) { certstest.Remove(t, b.key); certstest.Must(t, os.Symlink("gone", b.key)) }, nil, "dev-key.pem: no such file", "ls -ld "},
		"empty":               {func(t *testing.T, b *bench) { certstest.Write(t, b.cert, 0o644, "") }, nil, "dev.pem: it is empty", "ls -l "},
		"something else":      {func(t *testing.T, b *bench) { certstest.Write(t, b.key, 0o600, "hello") }, nil, "dev-key.pem: there is no PEM in it", "file "},
		"half written":        {func(t *testing.T, b *bench) { certstest.Must(t, os.Truncate(b.cert, 100)) }, nil, "what begins in line 1 has no proper end", "grep -n"},
		"a broken second block": {func(t *testing.T, b *bench) {
			certstest.Write(t, b.cert, 0o644, strings.Replace(string(certstest.Read(t, b.cert)), "END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n", "END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n$", 1))
		}, nil, "its PEM is broken: what begins in line ", "grep -n"},
		"a broken first block": {func(t *testing.T, b *bench) {
			certstest.Write(t, b.cert, 0o644, strings.Replace(string(certstest.Read(t, b.cert)), "CERTIFICATE-----\nMII", "CERTIFICATE-----\n!MII", 1))
		}, nil, "what begins in line 1 has", "grep -n"},
		"no X.509 inside": {func(t *testing.T, b *bench) {
			certstest.Write(t, b.cert, 0o644, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("nonsense")})))
		}, nil, "dev.pem: x509:", "openssl x509"},
		"DER": {func(t *testing.T, b *bench) { certstest.Write(t, b.cert, 0o644, string(b.issuer.Raw)) }, nil, "it is DER, not PEM", "openssl x509 -inform der -in "},
		"PKCS #12": {func(t *testing.T, b *bench) {
			b.cert += ".p12"
			certstest.Write(t, b.cert, 0o600, "0\x82\x01\x02")
		}, nil, "it is PKCS #12, not PEM", "openssl pkcs12 -noenc -in "},
		"swapped":          {func(_ *testing.T, b *bench) { b.cert, b.key = b.key, b.cert }, nil, "dev-key.pem: it holds the key, and the other file the certificate", "/dev.pem --key "},
		"two keys":         {func(_ *testing.T, b *bench) { b.cert = b.key }, nil, "it holds a private key and no certificate", "grep -n"},
		"two certificates": {func(_ *testing.T, b *bench) { b.key = b.cert }, nil, "it holds no private key, but a certificate", "grep -n"},
		"a request": {func(t *testing.T, b *bench) {
			certstest.Write(t, b.cert, 0o644, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("x")})))
		}, nil, "it holds no certificate, but a certificate request", "grep -n"},
		"an encrypted key": {func(t *testing.T, b *bench) {
			certstest.Write(t, b.key, 0o600, string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})))
		}, nil, "dev-key.pem: the key is encrypted", "openssl pkey -in "},
		"an encrypted key of old": {func(t *testing.T, b *bench) {
			certstest.Write(t, b.key, 0o600, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")})))
		}, nil, "the key is encrypted", "umask 077"},
		"a key of SSH": {func(t *testing.T, b *bench) {
			certstest.Write(t, b.key, 0o600, string(pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("openssh-key-v1")})))
		}, nil, "it holds no RSA, ECDSA or Ed25519 key", "openssl pkey -noout -in "},
		"another's key": {func(t *testing.T, b *bench) { certstest.Write(t, b.key, 0o600, pemKey(t, ecKey(t, elliptic.P256()))) }, nil, "it is not the key of the certificate in ", "-pubkey -in "},
		"a collection": {func(t *testing.T, b *bench) {
			certstest.Write(t, b.cert, 0o644, strings.Repeat(pemCerts(b.root.Certificate), maxChain+1))
		}, nil, "it holds 33 certificates: it is a collection", "grep -n"},
		"ended":            {func(_ *testing.T, b *bench) { b.Advance(366 * certstest.Day) }, nil, "it ended on 2027-11-23 12:00 UTC", "openssl x509 -noout -subject"},
		"not begun":        {func(_ *testing.T, b *bench) { b.Advance(-2 * time.Hour) }, nil, "it begins on 2026-11-23 11:00 UTC, but the clock says 2026-11-23 10:00 UTC", "date"},
		"lacks a host":     {nil, []string{"localhost", "dev.example.test", "api.example.test"}, "it does not cover dev.example.test, api.example.test: it is for localhost", "mkcert localhost dev.example.test api.example.test"},
		"lacks one here":   {nil, []string{"dev.localhost"}, "it does not cover dev.localhost: it is for localhost", " dev.localhost"},
		"lacks an address": {nil, []string{"192.0.2.7"}, "it does not cover 192.0.2.7", "mkcert 192.0.2.7"},
		"lacks all":        {func(t *testing.T, b *bench) { b.put(t, "dev.example.test") }, nil, "it covers neither localhost nor letta.localhost, but dev.example.test", "--serve-host dev.example.test"},
		"no host at all":   {nil, []string{"white space"}, `"white space"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.put(t, "localhost")
			if c.change != nil {
				c.change(t, b)
			}
			_, err := b.open(c.hosts...)
			certstest.WantHint(t, err, c.says, c.hint)
		})
	}
}

// What is wrong with the leaf itself.
func TestPairRefusesLeaves(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		change     func(*x509.Certificate)
		curve      elliptic.Curve
		says, hint string
	}{
		"an authority": {func(c *x509.Certificate) {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		}, elliptic.P256(), "it is the certificate of an authority", "letta-dev certs create --cert-file " + b.cert + " --key-file " + b.key + " letta.localhost"},
		"a client":       {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, elliptic.P256(), "it is not for servers", "openssl x509"},
		"no SAN":         {func(c *x509.Certificate) { c.DNSNames = nil; c.Subject.CommonName = "local\x1bhost" }, elliptic.P256(), `only the common name "local\x1bhost"`, "letta-dev certs create"},
		"no usable name": {func(c *x509.Certificate) { c.DNSNames = []string{"*.localhost", "a\x1b[2Jb"} }, elliptic.P256(), "for no name that a client could ask for", "openssl x509"},
		"no names":       {func(c *x509.Certificate) { c.DNSNames = nil; c.Subject.CommonName = "" }, elliptic.P256(), "for no name", "openssl x509"},
		"a rare curve":   {nil, elliptic.P224(), "no client can use its kind of key", "openssl x509"},
	} {
		t.Run(name, func(t *testing.T) {
			key := ecKey(t, c.curve)
			leaf := b.issuer.leaf(t, b.Now(), key, []string{"localhost"}, c.change)
			b.write(t, pemCerts(leaf), pemKey(t, key))
			_, err := b.open()
			certstest.WantHint(t, err, c.says, c.hint)
			if strings.ContainsRune(err.Error(), '\x1b') {
				t.Errorf("a certificate commands the terminal: %q", err)
			}
		})
	}
}

// Where our authority may sign, the command writes the very files that are served. Where it may not, mkcert would, without
// a word to who has something else in them.
func TestPairAdvisesItsOwnFiles(t *testing.T) {
	b := newBench(t)
	b.put(t, "localhost")
	_, err := b.open("app.localhost")
	certstest.WantHint(t, err, "does not cover app.localhost", "letta-dev certs create --cert-file "+b.cert+" --key-file "+b.key+" app.localhost")
	_, err = b.open("dev.example.test")
	certstest.WantHint(t, err, "does not cover dev.example.test", "mkcert dev.example.test")
	made, err := openTest(t, certs.Options{Now: b.Now}).Create([]string{"localhost"}, certs.CreateOptions{Dir: t.TempDir()})
	certstest.Must(t, err)
	_, err = Open(made.CertFile, made.KeyFile, Options{Hosts: []string{"dev.example.test"}, Now: b.Now})
	certstest.WantHint(t, err, "does not cover dev.example.test", "mkcert -cert-file "+made.CertFile+" -key-file "+made.KeyFile+" dev.example.test")
	ours := func() string {
		_, err := Open(made.CertFile, made.KeyFile, Options{Hosts: []string{"app.localhost"}, Now: b.Now})
		var told *host.Error
		if !errors.As(err, &told) {
			t.Fatal(err)
		}
		return told.Advice
	}
	if got := ours(); !strings.HasSuffix(got, " app.localhost --overwrite") {
		t.Errorf("the files hold one development certificate, but the advice is %q", got)
	}
	for _, more := range []struct{ name, to, from string }{
		{"another certificate", made.CertFile, b.cert}, {"another key", made.KeyFile, b.key},
	} {
		before, err := os.ReadFile(more.to)
		certstest.Must(t, err)
		other, err := os.ReadFile(more.from)
		certstest.Must(t, err)
		certstest.Must(t, os.WriteFile(more.to, append(slices.Clone(before), other...), 0o600))
		if got := ours(); strings.Contains(got, "--overwrite") {
			t.Errorf("%s would be lost by %q", more.name, got)
		}
		certstest.Must(t, os.WriteFile(more.to, before, 0o600))
	}
}

// A certificate as openssl makes them is served, for clients that are told to take it do.
func TestPairServesWhatOpenSSLMakes(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
		"-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", dir+"/key.pem", "-out", dir+"/cert.pem").CombinedOutput()
	if err != nil {
		t.Skipf("NOT PROVEN: openssl: %v: %s", err, out)
	}
	var told []Change
	_, err = Open(dir+"/cert.pem", dir+"/key.pem", Options{Changed: func(c Change) { told = append(told, c) }})
	certstest.Must(t, err)
	wantTold(t, told, warning, "calls itself an authority", "basicConstraints=CA:FALSE")
}

// What clients accept is served, and what is odd about it is said.
func TestPairWarns(t *testing.T) {
	b := newBench(t)
	foreign := newSomebody(t, "a stranger", nil, b.Now())
	old := newSomebody(t, "an old intermediate", b.root, b.Now().AddDate(-6, 0, 0))
	p256 := ecKey(t, elliptic.P256())
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	certstest.Must(t, err)
	leaf := func(s *somebody, key crypto.Signer, change func(*x509.Certificate)) *x509.Certificate {
		return s.leaf(t, b.Now(), key, []string{"localhost"}, change)
	}
	good := leaf(b.issuer, p256, nil)
	noSignature := func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }
	asOpenSSL := func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, 0, nil
	}
	another := "letta-dev certs create --cert-file " + b.cert + " --key-file " + b.key + " localhost"
	for name, c := range map[string]struct {
		chain []*x509.Certificate
		key   crypto.Signer
		mode  os.FileMode
		serve []*x509.Certificate
		says  string
		hint  string
	}{
		"without its chain":  {[]*x509.Certificate{good}, p256, 0o600, []*x509.Certificate{good}, "", ""},
		"with its root":      {[]*x509.Certificate{good, b.issuer.Certificate, b.root.Certificate}, p256, 0o600, []*x509.Certificate{good, b.issuer.Certificate, b.root.Certificate}, "", ""},
		"out of order":       {[]*x509.Certificate{b.root.Certificate, b.issuer.Certificate, good}, p256, 0o600, []*x509.Certificate{good, b.issuer.Certificate, b.root.Certificate}, "out of order", "openssl crl2pkcs7"},
		"a stranger":         {[]*x509.Certificate{good, foreign.Certificate}, p256, 0o600, []*x509.Certificate{good, foreign.Certificate}, `holds "CN=a stranger", which signed nothing before it; "CN=somebody's leaf" was signed by "CN=somebody's intermediate"`, "print_certs"},
		"an ended link":      {[]*x509.Certificate{leaf(old, p256, nil), old.Certificate}, p256, 0o600, nil, `holds "CN=an old intermediate", which ended on`, "print_certs"},
		"Ed25519":            {[]*x509.Certificate{leaf(b.issuer, ed, nil)}, ed, 0o600, nil, "Chromium and Firefox refuse Ed25519", another},
		"no signature usage": {[]*x509.Certificate{leaf(b.issuer, p256, noSignature)}, p256, 0o600, nil, "lacks digitalSignature", another},
		"openssl's CA:TRUE":  {[]*x509.Certificate{leaf(b.issuer, p256, asOpenSSL)}, p256, 0o600, nil, "CA_CERT_USED_AS_END_ENTITY", another + "  # or make it with openssl req"},
		"a key for all":      {[]*x509.Certificate{good}, p256, 0o644, nil, "dev-key.pem: its mode is 0644", "chmod 600 "},
	} {
		t.Run(name, func(t *testing.T) {
			b.write(t, pemCerts(c.chain...), pemKey(t, c.key))
			certstest.Must(t, os.Chmod(b.key, c.mode))
			p, err := b.open()
			certstest.Must(t, err)
			if told := b.take(); c.says == "" && len(told) > 0 {
				t.Errorf("told %+v", told)
			} else if c.says != "" {
				wantTold(t, told, warning, c.says, c.hint)
			}
			var served []*x509.Certificate
			for _, raw := range p.current.Load().certificate.Certificate {
				one, err := x509.ParseCertificate(raw)
				certstest.Must(t, err)
				served = append(served, one)
			}
			if c.serve != nil && !slices.EqualFunc(served, c.serve, (*x509.Certificate).Equal) {
				t.Errorf("served %v", served)
			}
		})
	}
}

// No error shows a byte of a key, whatever is wrong with it.
func TestPairNeverPrintsAKey(t *testing.T) {
	b := newBench(t)
	b.put(t, "localhost")
	block, _ := pem.Decode(certstest.Read(t, b.key))
	secret := func(text string) bool {
		for i := 0; i+12 <= len(block.Bytes); i++ {
			part := block.Bytes[i : i+12]
			if strings.Contains(text, base64.StdEncoding.EncodeToString(part)) || bytes.Contains([]byte(text), part) {
				return true
			}
		}
		return false
	}
	for name, content := range map[string]string{
		"cut":             string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: block.Bytes[:60]})),
		"of another type": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: block.Bytes[7:]})),
		"as certificate":  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})),
		"without an end":  string(certstest.Read(t, b.key)[:80]),
		"in the type":     "-----BEGIN " + string(certstest.Read(t, b.key)[28:60]) + "-----\n-----END " + string(certstest.Read(t, b.key)[28:60]) + "-----\n",
	} {
		for _, path := range []string{b.cert, b.key} {
			old := string(certstest.Read(t, path))
			certstest.Write(t, path, 0o600, content)
			_, err := b.open()
			certstest.Write(t, path, 0o600, old)
			if err == nil {
				t.Errorf("%s in %s is accepted", name, path)
			} else if secret(err.Error()) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestNamesCover(t *testing.T) {
	names := certs.Names{"dev.example.test", "*.dev.example.test", "*.localhost", "127.0.0.1", "::1"}
	for host, want := range map[string]bool{
		"dev.example.test": true, "a.dev.example.test": true, "*.dev.example.test": true, "127.0.0.1": true, "::1": true,
		"a.b.dev.example.test": false, "example.test": false, "*.a.dev.example.test": false, "dev.localhost": false, "localhost": false,
		"127.0.0.2": false, "": false, "xdev.example.test": false,
	} {
		if got := names.Covers(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// What is decoded is all there is: as many blocks as begin, and they survive being written again.
func FuzzPEMBlocks(f *testing.F) {
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("abc")}))
	for _, seed := range []string{"", block, block + block, "x" + block, block[:20], strings.Replace(block, "YWJj", "!", 1) + block, "-----BEGIN A-----\nB: -----BEGIN \n\n-----END A-----\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		blocks, err := pemBlocks(data)
		if err != nil {
			if len(blocks) > 0 {
				t.Error("blocks with an error")
			}
			return
		}
		if n := bytes.Count(data, []byte("-----BEGIN ")); n != len(blocks) {
			t.Errorf("%d of %d blocks", len(blocks), n)
		}
		for _, block := range blocks {
			again, err := pemBlocks(pem.EncodeToMemory(block))
			if err == nil && (len(again) != 1 || !bytes.Equal(again[0].Bytes, block.Bytes)) {
				t.Errorf("%q became %v", block.Bytes, again)
			}
		}
	})
}

// An authority vouches for what it signed and what brings its chain, and for nothing else.
func TestSignedBy(t *testing.T) {
	b := newBench(t)
	a := openTest(t, certs.Options{Now: b.Now})
	made, err := a.Create([]string{"dev.localhost"}, certs.CreateOptions{Dir: t.TempDir()})
	certstest.Must(t, err)
	if !SignedBy(a.Root(), made.CertFile, b.Now()) {
		t.Error("not for what it has made itself")
	}
	file, err := readFile(made.CertFile)
	certstest.Must(t, err)
	all, err := file.certificates()
	certstest.Must(t, err)
	b.put(t, "localhost")
	alone := filepath.Join(t.TempDir(), "alone.pem")
	certstest.Write(t, alone, 0o644, pemCerts(all[0]))
	for _, path := range []string{b.cert, alone, b.key, filepath.Join(t.TempDir(), "nowhere.pem")} {
		if SignedBy(a.Root(), path, b.Now()) {
			t.Errorf("for %s", path)
		}
	}
}
