package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

func TestCreateFileNames(t *testing.T) {
	a := openTest(t, Options{})
	for _, tc := range []struct {
		names []string
		opts  CreateOptions
		files []string
	}{
		{nil, CreateOptions{}, []string{"localhost-key.pem", "localhost.pem"}},
		{[]string{"localhost"}, CreateOptions{}, []string{"localhost-key.pem", "localhost.pem"}},
		{[]string{"*.letta.localhost", "localhost", "127.0.0.1", "::1"}, CreateOptions{},
			[]string{"_wildcard.letta.localhost+3-key.pem", "_wildcard.letta.localhost+3.pem"}},
		{[]string{"::1", "localhost"}, CreateOptions{}, []string{"__1+1-key.pem", "__1+1.pem"}},
		{[]string{"localhost"}, CreateOptions{PKCS12: true}, []string{"localhost.p12"}},
		{nil, CreateOptions{PKCS12: true, CertFile: "ignored.pem"}, []string{"localhost.p12"}},
		{[]string{"localhost"}, CreateOptions{CertFile: "cert.pem"}, []string{"cert.pem", "localhost-key.pem"}},
		{[]string{"localhost"}, CreateOptions{KeyFile: "key.pem"}, []string{"key.pem", "localhost.pem"}},
		{[]string{"localhost"}, CreateOptions{P12File: "both.p12"}, []string{"both.p12"}},
	} {
		t.Chdir(t.TempDir())
		made, err := a.Create(tc.names, tc.opts)
		certstest.Must(t, err)
		entries, err := os.ReadDir(".")
		certstest.Must(t, err)
		var files []string
		for _, entry := range entries {
			files = append(files, entry.Name())
		}
		told := slices.DeleteFunc([]string{made.KeyFile, made.CertFile, made.P12File}, func(path string) bool { return path == "" })
		slices.Sort(told)
		if !slices.Equal(files, tc.files) || !slices.Equal(told, tc.files) {
			t.Errorf("%v: %v, told %v, want %v", tc.names, files, told, tc.files)
		}
	}
}

func TestCreateForLetta(t *testing.T) {
	a := openTest(t, Options{})
	dir := t.TempDir()
	opts := CreateOptions{CertFile: dir + "/localhost.pem", KeyFile: dir + "/localhost-key.pem"}
	made, err := a.Create(nil, opts)
	certstest.Must(t, err)
	if made.CertFile != opts.CertFile || made.KeyFile != opts.KeyFile || len(made.Replaced) != 0 {
		t.Fatalf("made %+v", made)
	}
	for path, mode := range map[string]os.FileMode{made.CertFile: 0o644, made.KeyFile: 0o600} {
		wantMode(t, path, mode)
	}
	pair, err := tls.LoadX509KeyPair(made.CertFile, made.KeyFile)
	certstest.Must(t, err)
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		certstest.Must(t, certstest.Verify(&pair, a.root, name, a.now()))
	}
	if !pair.Leaf.NotAfter.Equal(made.NotAfter) {
		t.Errorf("ends %s, said %s", pair.Leaf.NotAfter, made.NotAfter)
	}

	_, err = a.Create(nil, opts)
	certstest.WantHint(t, err, opts.KeyFile+": it exists already", "--overwrite")
	opts.Overwrite = true
	again, err := a.Create(nil, opts)
	certstest.Must(t, err)
	if !slices.Equal(again.Replaced, []string{made.KeyFile, made.CertFile}) {
		t.Errorf("replaced %v", again.Replaced)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func wantMode(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	certstest.Must(t, err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != mode {
		t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), mode)
	}
}

// Nobody renews files, so they live as long as mkcert's, but not longer than who signed them.
func TestCreatedFilesLiveAsLongAsMkcerts(t *testing.T) {
	c := certstest.NewClock()
	a := openTest(t, Options{Now: c.Now})
	made, err := a.Create(nil, CreateOptions{Dir: t.TempDir()})
	certstest.Must(t, err)
	leaf := loadLeaf(t, made.CertFile)
	if want := c.Now().AddDate(2, 3, 0); !leaf.NotAfter.Equal(want) || !made.NotAfter.Equal(want) {
		t.Errorf("ends %s, said %s, want %s", leaf.NotAfter, made.NotAfter, want)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 825*certstest.Day {
		t.Errorf("lives %s: more than Apple's systems accept", life)
	}
	c.Advance(9 * 365 * certstest.Day)
	made, err = a.Create(nil, CreateOptions{Dir: t.TempDir()})
	certstest.Must(t, err)
	if leaf := loadLeaf(t, made.CertFile); !leaf.NotAfter.Equal(a.NotAfter()) {
		t.Errorf("ends %s, the authority %s", leaf.NotAfter, a.NotAfter())
	}
}

func loadLeaf(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	data := certstest.Read(t, path)
	if block, _ := pem.Decode(data); block != nil {
		leaf, err := x509.ParseCertificate(block.Bytes)
		certstest.Must(t, err)
		return leaf
	}
	_, leaf, _, err := pkcs12.DecodeChain(data, pkcs12.DefaultPassword)
	certstest.Must(t, err)
	return leaf
}

// belongs tells whether a file holds the key of a certificate.
func belongs(t *testing.T, keyFile string, leaf *x509.Certificate) bool {
	t.Helper()
	_, err := tls.X509KeyPair(encodeCertificates(leaf.Raw), certstest.Read(t, keyFile))
	return err == nil
}

func TestCreateInOneFile(t *testing.T) {
	a := openTest(t, Options{})
	path := filepath.Join(t.TempDir(), "both.pem")
	made, err := a.Create(Names{"localhost"}, CreateOptions{CertFile: path, KeyFile: path})
	certstest.Must(t, err)
	if _, err = tls.LoadX509KeyPair(path, path); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o600)
	otherwise := filepath.Dir(path) + "/./both.pem" // mkcert, which compares the words, writes the key over the certificate
	if made, err = a.Create(Names{"localhost"}, CreateOptions{CertFile: path, KeyFile: otherwise, Overwrite: true}); err != nil || len(made.Replaced) != 1 {
		t.Errorf("again %+v: %v", made, err)
	}
}
