package certs

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCreateFileNames(t *testing.T) {
	for names, want := range map[*Names]string{
		{"localhost"}: "localhost",
		{"*.letta.localhost", "localhost", "127.0.0.1", "::1"}: "_wildcard.letta.localhost+3",
		{"::1", "localhost"}: "__1+1",
	} {
		cert, key := CreateOptions{Dir: "d"}.paths(*names)
		if cert != filepath.Join("d", want+".pem") || key != filepath.Join("d", want+"-key.pem") {
			t.Errorf("%v: %s, %s", *names, cert, key)
		}
	}
}

func TestCreateForLetta(t *testing.T) {
	a := openTest(t, Options{})
	dir := t.TempDir()
	names := Names{"localhost", "127.0.0.1", "::1"}
	opts := CreateOptions{CertFile: dir + "/localhost.pem", KeyFile: dir + "/localhost-key.pem"}
	made, err := a.Create(names, opts)
	must(t, err)
	if made.CertFile != opts.CertFile || made.KeyFile != opts.KeyFile || len(made.Replaced) != 0 {
		t.Fatalf("made %+v", made)
	}
	for path, mode := range map[string]os.FileMode{made.CertFile: 0o644, made.KeyFile: 0o600} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
	}
	pair, err := tls.LoadX509KeyPair(made.CertFile, made.KeyFile)
	must(t, err)
	for _, name := range names {
		must(t, verify(&pair, a.root, name, a.now()))
	}
	if !pair.Leaf.NotAfter.Equal(made.NotAfter) {
		t.Errorf("ends %s, said %s", pair.Leaf.NotAfter, made.NotAfter)
	}

	again, err := a.Create(names, opts)
	must(t, err)
	if !slices.Equal(again.Replaced, []string{made.CertFile, made.KeyFile}) {
		t.Errorf("replaced %v", again.Replaced)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestCreateInOneFile(t *testing.T) {
	a := openTest(t, Options{})
	path := filepath.Join(t.TempDir(), "both.pem")
	made, err := a.Create(Names{"localhost"}, CreateOptions{CertFile: path, KeyFile: path})
	must(t, err)
	if _, err := tls.LoadX509KeyPair(path, path); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o", info.Mode().Perm())
	}
	if _, err := a.Create(Names{"localhost"}, CreateOptions{CertFile: path, KeyFile: path}); err != nil {
		t.Errorf("again %+v: %v", made, err)
	}
}

// The mkcert certificate in Letta's repository is replaced, as mkcert would; anything else is not ours to take.
func TestCreateReplacesDevelopmentCertificatesOnly(t *testing.T) {
	a := openTest(t, Options{})
	mkcert := encodeCertificates(selfSigned(t, "mkcert development CA").Raw)
	public := encodeCertificates(selfSigned(t, "Public CA").Raw)
	for name, tc := range map[string]struct {
		cert, key []byte
		refused   bool
	}{
		"mkcert's":      {mkcert, []byte("its key"), false},
		"a public CA's": {public, []byte("its key"), true},
		"not PEM":       {[]byte("notes"), nil, true},
		"a key alone":   {nil, []byte("somebody's key"), true},
		"empty":         {[]byte{}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			opts := CreateOptions{Dir: t.TempDir()}
			cert, key := opts.paths(Names{"localhost"})
			for path, data := range map[string][]byte{cert: tc.cert, key: tc.key} {
				if data != nil {
					write(t, path, 0o600, string(data))
				}
			}
			_, err := a.Create(Names{"localhost"}, opts)
			if (err != nil) != tc.refused {
				t.Fatalf("Create = %v", err)
			}
			if !tc.refused {
				return
			}
			wantHint(t, err, opts.Dir, "mv ")
			if tc.cert != nil && !bytes.Equal(read(t, cert), tc.cert) || tc.key != nil && !bytes.Equal(read(t, key), tc.key) {
				t.Error("a file has changed")
			}
			opts.Overwrite = true
			if _, err := a.Create(Names{"localhost"}, opts); err != nil {
				t.Errorf("told to overwrite: %v", err)
			}
		})
	}
}
