package certs

import (
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is in the way stays, and the other file is not written either.
func TestCreateLeavesWhatIsInTheWay(t *testing.T) {
	a := openTest(t, Options{})
	for name, tc := range map[string]struct {
		put        func(t *testing.T, path string)
		says, hint string
		giveWay    bool // to Overwrite
	}{
		"a folder": {func(t *testing.T, path string) { certstest.Must(t, os.Mkdir(path, 0o755)) }, "a folder is in the way", "ls -ld ", false},
		"a link": {func(t *testing.T, path string) {
			certstest.Write(t, path+".target", 0o600, "precious")
			certstest.Must(t, os.Symlink(path+".target", path))
		}, "a symbolic link to ", "rm ", true},
		"a dead link": {func(t *testing.T, path string) { certstest.Must(t, os.Symlink("nowhere", path)) }, `a symbolic link to "nowhere"`, "rm ", true},
	} {
		for _, file := range []string{"localhost.pem", "localhost-key.pem"} {
			t.Run(name+" for "+file, func(t *testing.T) {
				opts := CreateOptions{Dir: t.TempDir()}
				path := filepath.Join(opts.Dir, file)
				tc.put(t, path)
				before := listing(t, opts.Dir)
				_, err := a.Create(nil, opts)
				certstest.WantHint(t, err, tc.says, tc.hint+path)
				if after := listing(t, opts.Dir); after != before {
					t.Errorf("before: %s, after: %s", before, after)
				}
				opts.Overwrite = true
				if _, err = a.Create(nil, opts); (err == nil) != tc.giveWay {
					t.Errorf("told to overwrite: %v", err)
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

// The key of a certificate with a name of its own has the common one: it stays, with advice that can be followed.
func TestCreateBesideAnothersKey(t *testing.T) {
	a := openTest(t, Options{})
	dir := t.TempDir()
	first, err := a.Create([]string{"app.localhost"}, CreateOptions{Dir: dir, CertFile: dir + "/a.pem"})
	certstest.Must(t, err)
	before := certstest.Read(t, first.KeyFile)
	second := CreateOptions{Dir: dir, CertFile: dir + "/q.pem"}
	_, err = a.Create([]string{"app.localhost"}, second)
	certstest.WantHint(t, err, "is the key of another certificate, or of none: "+dir+"/q.pem is not there", "the same command with --key-file "+dir+"/q-key.pem")
	second.CertFile = dir + "/gone/q.pem"
	_, err = a.Create([]string{"app.localhost"}, second)
	certstest.WantHint(t, err, "there is no folder", "mkdir -p "+dir+"/gone")
	if string(certstest.Read(t, first.KeyFile)) != string(before) {
		t.Error("the first one's key has changed")
	}
	_, err = a.Create([]string{"app.localhost"}, CreateOptions{CertFile: dir + "/q.pem", KeyFile: dir + "/q-key.pem"})
	certstest.Must(t, err)
	certstest.Write(t, dir+"/notes.txt", 0o644, "letters to Ada")
	_, err = a.Create([]string{"app.localhost"}, CreateOptions{CertFile: dir + "/new.pem", KeyFile: dir + "/notes.txt"})
	certstest.WantHint(t, err, "notes.txt: the file exists and is not a development certificate's", "mv ")
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
