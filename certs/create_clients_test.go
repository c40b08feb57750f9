package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// What create writes, judged by the programs that read such files.

// opensslVerify asks OpenSSL whether a file holds a leaf, and the rest of its chain, for a server of a name.
func opensslVerify(t *testing.T, a *Authority, certFile string, question string) {
	t.Helper()
	openssl := certstest.RequireTool(t, "openssl")
	argv := append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", a.Root().Path, "-untrusted", certFile}, strings.Fields(question)...)
	if out, err := exec.CommandContext(t.Context(), openssl, append(argv, certFile)...).CombinedOutput(); err != nil {
		t.Errorf("openssl %s: %v: %s", question, err, out)
	}
}

func TestCreatedFilesInOpenSSL(t *testing.T) {
	a := openTest(t, Options{})
	made, err := a.Create([]string{"*.letta.localhost", "letta.localhost", "127.0.0.1", "::1"}, CreateOptions{Dir: t.TempDir()})
	certstest.Must(t, err)
	for _, question := range []string{"-verify_hostname x.letta.localhost", "-verify_hostname letta.localhost", "-verify_ip 127.0.0.1", "-verify_ip ::1"} {
		opensslVerify(t, a, made.CertFile, question)
	}
}

// Without -legacy, which mkcert's files need since OpenSSL 3.
func TestPKCS12IsReadByOpenSSL(t *testing.T) {
	openssl := certstest.RequireTool(t, "openssl")
	a := openTest(t, Options{})
	made, err := a.Create([]string{"app.localhost"}, CreateOptions{Dir: t.TempDir(), PKCS12: true})
	certstest.Must(t, err)
	out, err := exec.CommandContext(t.Context(), openssl, "pkcs12", "-in", made.P12File, "-passin", "pass:changeit", "-nodes").Output()
	certstest.Must(t, err)
	path := text(t, string(out))
	opensslVerify(t, a, path, "-verify_hostname app.localhost")
	pair, err := tls.LoadX509KeyPair(path, path)
	certstest.Must(t, err)
	if pair.Leaf.Subject.CommonName != "app.localhost" {
		t.Errorf("it is for %s", pair.Leaf.Subject)
	}
	if n := strings.Count(string(out), "BEGIN CERTIFICATE"); n != 3 {
		t.Errorf("%d certificates, want leaf, intermediate and root", n)
	}
	wantMode(t, made.P12File, 0o600)
}

func TestPKCS12IsReadByKeytool(t *testing.T) {
	keytool := certstest.RequireTool(t, "keytool")
	a := openTest(t, Options{})
	made, err := a.Create([]string{"app.localhost"}, CreateOptions{P12File: t.TempDir() + "/app.p12"})
	certstest.Must(t, err)
	out, err := exec.CommandContext(t.Context(), keytool, "-J-Duser.language=en", "-list", "-v", "-keystore", made.P12File, "-storepass", "changeit").Output()
	if err != nil || !strings.Contains(string(out), "PrivateKeyEntry") || !strings.Contains(string(out), "chain length: 3") {
		t.Errorf("%v: %s", err, out)
	}
}

// A server that demands a certificate of its clients gets one from curl. It trusts the root alone: the rest of the chain
// comes with the certificate.
func TestClientCertificateInCurl(t *testing.T) {
	curl := certstest.RequireTool(t, "curl")
	a := openTest(t, Options{})
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.TLS.PeerCertificates[0].DNSNames[0]))
	}))
	server.Config.ErrorLog = certstest.QuietLog()
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*issueTest(t, a, "127.0.0.1")}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}
	server.StartTLS()
	defer server.Close()
	visit := func(more ...string) (string, error) {
		argv := append([]string{"-q", "-sSf", "--noproxy", "*", "--cacert", a.Root().Path}, more...)
		out, err := exec.CommandContext(t.Context(), curl, append(argv, server.URL)...).Output()
		return string(out), err
	}
	client, err := a.Create([]string{"ada.localhost"}, CreateOptions{Dir: t.TempDir(), Client: true})
	certstest.Must(t, err)
	if !strings.HasSuffix(client.CertFile, "/ada.localhost-client.pem") || !strings.HasSuffix(client.KeyFile, "/ada.localhost-client-key.pem") {
		t.Errorf("called %s and %s", client.CertFile, client.KeyFile)
	}
	if out, err := visit("--cert", client.CertFile, "--key", client.KeyFile); err != nil || out != "ada.localhost" {
		t.Errorf("with the certificate: %q, %v", out, err)
	}
	plain, err := a.Create([]string{"ada.localhost"}, CreateOptions{Dir: t.TempDir()})
	certstest.Must(t, err)
	for _, more := range [][]string{nil, {"--cert", plain.CertFile, "--key", plain.KeyFile}} {
		if out, err := visit(more...); err == nil {
			t.Errorf("with %v: %q", more, out)
		}
	}
	opensslVerify(t, a, client.CertFile, "-verify_hostname ada.localhost") // it is a server's as well, as mkcert's is
}

// Authorities of earlier versions signed for servers alone, and verifiers mind that in the whole chain.
func TestClientCertificateNeedsAnAuthorityForClients(t *testing.T) {
	template := caTemplate("root", "x", time.Now(), []string{localhost})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	root, key, err := sign(template, nil, nil)
	certstest.Must(t, err)
	old, opts := &Authority{dir: t.TempDir(), now: time.Now, root: root, issuer: root, key: key}, CreateOptions{Dir: t.TempDir(), Client: true}
	_, err = old.Create([]string{"ada.localhost"}, opts)
	certstest.WantHint(t, err, "for servers alone", remake)
	opts.Client = false
	made, err := old.Create([]string{"ada.localhost"}, opts)
	certstest.Must(t, err)
	if usages := loadLeaf(t, made.CertFile).ExtKeyUsage; slices.Contains(usages, x509.ExtKeyUsageClientAuth) {
		t.Errorf("usages: %v", usages)
	}
}
