package certstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"io/fs"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Verify asks Go's verifier, at a time, for a name.
func Verify(leaf *tls.Certificate, root *x509.Certificate, name string, at time.Time) error {
	roots, rest := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	for _, der := range leaf.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			rest.AddCert(c)
		}
	}
	_, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: rest, CurrentTime: at})
	return err
}

// QuietLog returns a logger that writes nothing.
func QuietLog() *log.Logger { return log.New(io.Discard, "", 0) }

// Echo sends a word on a connection and wants it back.
func Echo(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Write([]byte("ping"))
	Must(t, err)
	got := make([]byte, 4)
	_, err = io.ReadFull(conn, got)
	Must(t, err)
	if string(got) != "ping" {
		t.Fatalf("echo %q", got)
	}
}

// Remove deletes a file that must be there.
func Remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// Chmod changes the mode of a file that must be there.
func Chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// MkcertTool returns the path of the real mkcert, built from tools/go.mod.
func MkcertTool(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mkcert")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "filippo.io/mkcert")
	for dir := ".."; ; dir = filepath.Join(dir, "..") {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			build.Dir = filepath.Join(dir, "tools")
			break
		}
	}
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("NOT PROVEN: mkcert cannot be built here: %v: %s", err, out)
	}
	return path
}

// RunMkcert runs it with a CAROOT and a home of the test's own, so that it finds no store to change.
func RunMkcert(t *testing.T, tool, caroot string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "CAROOT=" + caroot, "PATH=" + os.Getenv("PATH"), "TRUST_STORES=nss"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mkcert: %v: %s", err, out)
	}
	return dir
}

// Snapshot returns what is in the files of a folder.
func Snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	Must(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		Must(t, err)
		files[entry.Name()] = info.Mode().String() + info.ModTime().String() + string(Read(t, filepath.Join(dir, entry.Name())))
	}
	return files
}

// FakeCAROOT is a folder as mkcert leaves it, without mkcert: root and key of an unconstrained CA.
func FakeCAROOT(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Must(t, err)
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"mkcert development CA"}, CommonName: "mkcert x"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	Must(t, err)
	Write(t, dir+"/rootCA.pem", 0o644, PEM(der))
	Write(t, dir+"/rootCA-key.pem", 0o400, PEMKey(t, key))
	return dir
}

// Forge signs what an authority itself would refuse to, with the key in its folder.
func Forge(t *testing.T, dir, host string) *tls.Certificate {
	t.Helper()
	issuer, err := tls.LoadX509KeyPair(filepath.Join(dir, "intermediate.pem"), filepath.Join(dir, "intermediate-key.pem"))
	Must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		DNSNames:    []string{host},
		NotBefore:   time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, issuer.Leaf, key.Public(), issuer.PrivateKey)
	Must(t, err)
	leaf, err := x509.ParseCertificate(der)
	Must(t, err)
	return &tls.Certificate{Certificate: [][]byte{der, issuer.Certificate[0]}, PrivateKey: key, Leaf: leaf}
}

// PEM writes certificates in PEM.
func PEM(chain ...[]byte) string {
	var out strings.Builder
	for _, der := range chain {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return out.String()
}

// PEMKey writes a key in PEM, as PKCS #8.
func PEMKey(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	Must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
