package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
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
		certstest.Must(t, verify(&pair, a.root, name, a.now()))
	}
	if !pair.Leaf.NotAfter.Equal(made.NotAfter) {
		t.Errorf("ends %s, said %s", pair.Leaf.NotAfter, made.NotAfter)
	}

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
	leaf, known := developmentCertificate(path)
	if !known {
		t.Fatalf("%s holds no development certificate", path)
	}
	return leaf
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
	if made, err = a.Create(Names{"localhost"}, CreateOptions{CertFile: path, KeyFile: otherwise}); err != nil || len(made.Replaced) != 1 {
		t.Errorf("again %+v: %v", made, err)
	}
}

// The mkcert certificate in Letta's repository is replaced, as mkcert would; anything else is not ours to take.
func TestCreateReplacesDevelopmentCertificatesOnly(t *testing.T) {
	a := openTest(t, Options{})
	mkcert, mkcertKey := pairOf(t, "mkcert development CA", false)
	root, rootKey := pairOf(t, "mkcert development CA", true)
	public, publicKey := pairOf(t, "Public CA", false)
	leaf := issueTest(t, a, "localhost")
	chain := encodeCertificates(leaf.Certificate...)
	chainKey, err := encodeKey(leaf.PrivateKey)
	certstest.Must(t, err)
	const noCertificate, noKey = "is not a development certificate's", "is not the key of the development certificate"
	for name, tc := range map[string]struct {
		cert, key []byte
		refused   string
	}{
		"mkcert's":                {mkcert, mkcertKey, ""},
		"mkcert's, without a key": {mkcert, nil, ""},
		"mkcert's own root":       {root, rootKey, noCertificate},
		"a public CA's":           {public, publicKey, noCertificate},
		"mkcert's, another's key": {mkcert, publicKey, noKey},
		"mkcert's, no key at all": {mkcert, []byte("letters to Ada"), noKey},
		"not PEM":                 {[]byte("notes"), nil, noCertificate},
		"a key alone":             {nil, publicKey, "is the key of another certificate, or of none"},
		"empty":                   {[]byte{}, nil, noCertificate},

		"ours, and a company's":          {slices.Concat(chain, public, publicKey), nil, noCertificate},
		"ours, and a company's key":      {slices.Concat(chain, publicKey), nil, noCertificate},
		"ours, its key and a company's":  {slices.Concat(chain, chainKey, publicKey), nil, noCertificate},
		"mkcert's, and another's root":   {slices.Concat(mkcert, root), nil, noCertificate},
		"ours, its key and another":      {chain, slices.Concat(chainKey, publicKey), noKey},
		"ours, its key and letters":      {chain, slices.Concat(chainKey, []byte("letters to Ada")), noKey},
		"ours behind letters":            {slices.Concat([]byte("letters to Ada\n"), chain), nil, noCertificate},
		"ours, and more than is read":    {slices.Concat(chain, bytes.Repeat([]byte("\n"), host.MaxPEM), publicKey), nil, noCertificate},
		"its key, and more than is read": {chain, slices.Concat(chainKey, bytes.Repeat([]byte("\n"), host.MaxPEM), publicKey), noKey},
		"ours, the key with it":          {slices.Concat(chain, chainKey), chainKey, ""},
		"ours, with both roots":          {slices.Concat(chain, encodeCertificates(a.root.Raw)), chainKey, ""},
		"ours, from Windows":             {bytes.ReplaceAll(chain, []byte("\n"), []byte("\r\n")), chainKey, ""},
	} {
		t.Run(name, func(t *testing.T) {
			opts := CreateOptions{Dir: t.TempDir()}
			cert, key := opts.Dir+"/localhost.pem", opts.Dir+"/localhost-key.pem"
			for path, data := range map[string][]byte{cert: tc.cert, key: tc.key} {
				if data != nil {
					certstest.Write(t, path, 0o600, string(data))
				}
			}
			_, err := a.Create(Names{"localhost"}, opts)
			if tc.refused == "" {
				certstest.Must(t, err)
				return
			}
			certstest.WantHint(t, err, tc.refused, "mv "+opts.Dir)
			if tc.cert != nil && !bytes.Equal(certstest.Read(t, cert), tc.cert) || tc.key != nil && !bytes.Equal(certstest.Read(t, key), tc.key) {
				t.Error("a file has changed")
			}
			opts.Overwrite = true
			if _, err := a.Create(Names{"localhost"}, opts); err != nil {
				t.Errorf("told to overwrite: %v", err)
			}
		})
	}
}

// pairOf is a certificate of somebody, and its key.
func pairOf(t *testing.T, organisation string, ca bool) (certificate, key []byte) {
	t.Helper()
	made, signer, err := sign(&x509.Certificate{Subject: pkix.Name{Organization: []string{organisation}}, IsCA: ca, BasicConstraintsValid: true}, nil, nil)
	certstest.Must(t, err)
	key, err = encodeKey(signer)
	certstest.Must(t, err)
	return encodeCertificates(made.Raw), key
}
