package certs

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// requestBy writes a certificate signing request of a key.
func requestBy(t *testing.T, key crypto.Signer, template *x509.CertificateRequest) (path string) {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	certstest.Must(t, err)
	path = filepath.Join(t.TempDir(), "request.csr")
	certstest.Write(t, path, 0o644, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})))
	return path
}

func testKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := newKey()
	certstest.Must(t, err)
	return key
}

// The request is OpenSSL's own, and so is the judgement.
func TestCreateFromRequestOfOpenSSL(t *testing.T) {
	openssl := certstest.RequireTool(t, "openssl")
	a, dir := openTest(t, Options{}), t.TempDir()
	certstest.Must(t, exec.CommandContext(t.Context(), openssl, "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", dir+"/key.pem", "-out", dir+"/csr.pem",
		"-subj", "/O=Analytical Engines/CN=App", "-addext", "subjectAltName=DNS:app.localhost,DNS:*.app.localhost,IP:127.0.0.1").Run())
	made, err := a.CreateFromRequest(dir+"/csr.pem", CreateOptions{Dir: dir})
	certstest.Must(t, err)
	if made.CertFile != dir+"/app.localhost+2.pem" || made.KeyFile != "" || !slices.Equal(made.Names, Names{"app.localhost", "*.app.localhost", "127.0.0.1"}) {
		t.Errorf("made %+v", made)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("the folder holds %v", entries)
	}
	for _, name := range []string{"-verify_hostname app.localhost", "-verify_hostname x.app.localhost", "-verify_ip 127.0.0.1"} {
		opensslVerify(t, a, made.CertFile, name)
	}
	leaf := loadLeaf(t, made.CertFile)
	if leaf.Subject.String() != "CN=App,O=Analytical Engines" || !belongs(t, dir+"/key.pem", leaf) {
		t.Errorf("it is %s, or for another key", leaf.Subject)
	}
}

func TestCreateFromRequestTakesTheCommonNameAtNeed(t *testing.T) {
	a := openTest(t, Options{})
	path := requestBy(t, testKey(t), &x509.CertificateRequest{Subject: pkix.Name{CommonName: "app.localhost"}})
	made, err := a.CreateFromRequest(path, CreateOptions{Dir: t.TempDir()})
	certstest.Must(t, err)
	if leaf := loadLeaf(t, made.CertFile); !slices.Equal(leaf.DNSNames, []string{"app.localhost"}) || leaf.IsCA {
		t.Errorf("names %v, authority %v", leaf.DNSNames, leaf.IsCA)
	}
}

func TestCreateFromRequestRefuses(t *testing.T) {
	a := openTest(t, Options{})
	good := &x509.CertificateRequest{DNSNames: []string{"app.localhost"}}
	ca, err := asn1.Marshal(struct{ IsCA bool }{true})
	certstest.Must(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	certstest.Must(t, err)
	for name, tc := range map[string]struct{ path, says, hint string }{
		"no file":            {t.TempDir() + "/gone.csr", "no such file", "ls -l "},
		"a folder":           {t.TempDir(), "it is a folder", "openssl req"},
		"not PEM":            {text(t, "hello"), "not PEM", "openssl req"},
		"a key":              {text(t, keyPEM(t)), "private key, not a CERTIFICATE REQUEST", "openssl req"},
		"cut in the middle":  {damaged(t, requestBy(t, testKey(t), good), func(der []byte) []byte { return der[:40] }), "truncated", "openssl req"},
		"badly signed":       {damaged(t, requestBy(t, testKey(t), good), func(der []byte) []byte { der[len(der)-1] ^= 1; return der }), "not by the key in it", "-verify"},
		"no name":            {requestBy(t, testKey(t), &x509.CertificateRequest{}), "at least one name", "openssl req"},
		"a bad name":         {requestBy(t, testKey(t), &x509.CertificateRequest{DNSNames: []string{"a..localhost"}}), `"a..localhost"`, "write it like"},
		"beyond constraints": {requestBy(t, testKey(t), &x509.CertificateRequest{DNSNames: []string{"app.localhost", "example.com"}}), `certify "example.com"`, ""},
		"an e-mail address":  {requestBy(t, testKey(t), &x509.CertificateRequest{EmailAddresses: []string{"a@x.localhost"}}), "a@x.localhost", "mkcert a@x.localhost"},
		"a short key":        {requestBy(t, small, good), "1024 bits", "openssl req"},
		"an authority": {requestBy(t, testKey(t), &x509.CertificateRequest{DNSNames: good.DNSNames,
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Value: ca}}}), "certificate of an authority", "openssl req"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := a.CreateFromRequest(tc.path, CreateOptions{Dir: dir})
			certstest.WantHint(t, err, tc.says, tc.hint)
			certstest.WantHint(t, err, tc.path, "")
			if entries, _ := os.ReadDir(dir); len(entries) != 0 {
				t.Errorf("written all the same: %v", entries)
			}
		})
	}
}

func text(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	certstest.Write(t, path, 0o600, content)
	return path
}

func keyPEM(t *testing.T) string {
	key, err := encodeKey(testKey(t))
	certstest.Must(t, err)
	return string(key)
}

func damaged(t *testing.T, path string, change func([]byte) []byte) string {
	block, _ := pem.Decode(certstest.Read(t, path))
	block.Bytes = change(block.Bytes)
	return text(t, string(pem.EncodeToMemory(block)))
}

// A request comes from somebody else. Whatever is in it, what is signed is a leaf for the names that were checked.
func FuzzRequest(f *testing.F) {
	a, _, err := Open(filepath.Join(f.TempDir(), "ca"), Options{})
	if err != nil {
		f.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, template := range []*x509.CertificateRequest{{}, {DNSNames: []string{"a.localhost"}}, {Subject: pkix.Name{CommonName: "localhost"}}} {
		der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		made, names, err := a.grant(data, false)
		if err != nil {
			return
		}
		got := subjects(made.Leaf.DNSNames, made.Leaf.EmailAddresses, made.Leaf.IPAddresses, made.Leaf.URIs)
		if made.Leaf.IsCA || a.Check(got) != nil || len(got) != len(names) {
			t.Fatalf("signed an authority: %v, for %v", made.Leaf.IsCA, got)
		}
	})
}
