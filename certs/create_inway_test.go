package certs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// What exists stays as it is, the other file is not written either, and the error names the flag that replaces it. With the
// flag files and links are replaced, and never what a link leads to; a folder never gives way.
func TestCreateRefusesWhatExists(t *testing.T) {
	a := openTest(t, Options{})
	const flag = "the same command with --overwrite"
	for name, tc := range map[string]struct {
		put        func(t *testing.T, path string)
		says, hint string
	}{
		"a certificate of ours": {func(t *testing.T, path string) {
			_, err := a.Create(nil, CreateOptions{CertFile: path, KeyFile: path})
			certstest.Must(t, err)
		}, "it exists already: it is a file", flag},
		"letters": {func(t *testing.T, path string) { certstest.Write(t, path, 0o600, "letters to Ada") }, "it is a file of 14 bytes", flag},
		"a link": {func(t *testing.T, path string) {
			certstest.Write(t, path+".target", 0o600, "precious")
			certstest.Must(t, os.Symlink(path+".target", path))
		}, "it is a symbolic link", flag},
		"a dead link": {func(t *testing.T, path string) { certstest.Must(t, os.Symlink("nowhere", path)) }, "it is a symbolic link", flag},
		"a folder":    {func(t *testing.T, path string) { certstest.Must(t, os.Mkdir(path, 0o755)) }, "a folder is in the way", "ls -ld "},
	} {
		for _, file := range []string{"localhost.pem", "localhost-key.pem", "localhost.p12"} {
			t.Run(name+" for "+file, func(t *testing.T) {
				opts := CreateOptions{Dir: t.TempDir(), PKCS12: filepath.Ext(file) == ".p12"}
				path := filepath.Join(opts.Dir, file)
				tc.put(t, path)
				before := listing(t, opts.Dir)
				_, err := a.Create(nil, opts)
				certstest.WantHint(t, err, tc.says, tc.hint)
				certstest.WantHint(t, err, path, "")
				if after := listing(t, opts.Dir); after != before {
					t.Errorf("before: %s, after: %s", before, after)
				}
				opts.Overwrite = true
				if made, err := a.Create(nil, opts); (err == nil) != (tc.hint == flag) || err == nil && !slices.Equal(made.Replaced, []string{path}) {
					t.Errorf("told to overwrite: %+v, %v", made, err)
				}
				if host.Exists(path+".target") && string(certstest.Read(t, path+".target")) != "precious" {
					t.Error("what the link points to has changed")
				}
			})
		}
	}
}

// listing is the state of a folder: the types, sizes and names in it.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	certstest.Must(t, err)
	var out []string
	for _, entry := range entries {
		info, err := entry.Info()
		certstest.Must(t, err)
		out = append(out, info.Mode().String()+" "+info.ModTime().String()+" "+entry.Name())
	}
	return strings.Join(out, "\n")
}

func TestCreateNeedsItsFolder(t *testing.T) {
	a := openTest(t, Options{})
	dir := t.TempDir()
	_, err := a.Create(nil, CreateOptions{Dir: filepath.Join(dir, "to be")})
	certstest.WantHint(t, err, "there is no folder", "mkdir -p '"+filepath.Join(dir, "to be")+"'")

	certstest.Write(t, dir+"/file", 0o644, "")
	_, err = a.Create(nil, CreateOptions{Dir: filepath.Join(dir, "file")})
	if err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file as the folder: %v", err)
	}

	// The key's folder is missing: no certificate without it.
	_, err = a.Create(nil, CreateOptions{Dir: dir, KeyFile: dir + "/gone/key.pem"})
	certstest.WantHint(t, err, dir+"/gone/key.pem", "mkdir -p "+dir+"/gone")
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// Where there are no links the old file has to be moved out of the way, and it comes back if the new one cannot take its
// place.
func TestCommitWithoutLinksPutsBack(t *testing.T) {
	dir := t.TempDir()
	s := host.Staged{Path: dir + "/localhost.pem", Temp: dir + "/temp"}
	certstest.Write(t, s.Path, 0o644, "former")
	certstest.Write(t, s.Former(), 0o600, "in the way of a link")
	if err := swap(s); err == nil {
		t.Fatal("there is nothing new to commit")
	}
	if got := string(certstest.Read(t, s.Path)); got != "former" {
		t.Errorf("it is %q", got)
	}
}
