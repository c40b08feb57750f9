//go:build unix

package certs

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

func TestUnderSudoFilesBelongToTheCaller(t *testing.T) {
	env := certstest.UnderSudo(t)
	dir := env.InHome(".local/share/letta-dev/ca")
	if env.OwnerOf("/etc/letta-dev") != nil || env.OwnerOf(env.Home+"-not") != nil {
		t.Error("files outside the home are given away")
	}
	a, _, err := Open(dir, Options{Owner: env.OwnerOf(dir)})
	certstest.Must(t, err)
	_, err = NewKeeper(a, KeeperOptions{})
	certstest.Must(t, err)
	_, err = a.Create(Names{"localhost"}, CreateOptions{Dir: env.Home, OwnerOf: env.OwnerOf})
	certstest.Must(t, err)
	certstest.WantOwner(t, env)
}

// The lock that Remove leaves behind is the caller's, who could make no authority otherwise.
func TestUnderSudoRemoveLeavesNothingOfRoots(t *testing.T) {
	env := certstest.UnderSudo(t)
	dir := env.InHome("ca")
	_, _, err := Open(dir, Options{Owner: env.Owner})
	certstest.Must(t, err)
	certstest.Must(t, os.Remove(env.InHome(".ca.lock")))
	removeTest(t, dir, env.Owner)
	certstest.WantOwner(t, env)
}

// The folder may be anywhere: whose it is, theirs are the files in it.
func TestUnderSudoFilesInAFolderOfTheCallersAreTheirs(t *testing.T) {
	env := certstest.UnderSudo(t)
	a, dir := openTest(t, Options{}), t.TempDir()
	for _, owner := range []int{env.Owner.UID, 0} {
		certstest.Must(t, os.Chown(dir, owner, 0))
		made, err := a.Create(nil, CreateOptions{Dir: dir, OwnerOf: env.OwnerOf, Overwrite: true})
		certstest.Must(t, err)
		for _, path := range []string{made.CertFile, made.KeyFile} {
			info, err := os.Stat(path)
			certstest.Must(t, err)
			if got := info.Sys().(*syscall.Stat_t).Uid; int(got) != owner {
				t.Errorf("%s belongs to %d, the folder to %d", path, got, owner)
			}
		}
	}
}

// Servers of other users, such as one in a container, read the certificate whatever the umask is.
func TestCreateModesDoNotDependOnTheUmask(t *testing.T) {
	a := openTest(t, Options{})
	dir := t.TempDir()
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	made, err := a.Create(Names{"localhost"}, CreateOptions{Dir: dir})
	certstest.Must(t, err)
	for path, mode := range map[string]fs.FileMode{made.CertFile: 0o644, made.KeyFile: 0o600} {
		info, err := os.Stat(path)
		certstest.Must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
	}
}
