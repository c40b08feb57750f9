//go:build unix

package certs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// behindSudo is a home folder of the user nobody, as root sees it. Tests that change owners need root.
func behindSudo(t *testing.T) Env {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: giving files away needs root")
	}
	nobody, err := user.Lookup("nobody")
	must(t, err)
	uid, err := strconv.Atoi(nobody.Uid)
	must(t, err)
	gid, err := strconv.Atoi(nobody.Gid)
	must(t, err)
	env := realEnv(t)
	env.Owner = &Owner{UID: uid, GID: gid}
	must(t, os.Chmod(filepath.Dir(env.Home), 0o711)) // the test's own folder lets nobody through
	must(t, os.Chown(env.Home, uid, gid))
	return env
}

func wantOwner(t *testing.T, env Env) {
	t.Helper()
	must(t, filepath.WalkDir(env.Home, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != uint32(env.Owner.UID) {
			t.Errorf("%s belongs to %d", path, info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	}))
}

func TestUnderSudoFilesBelongToTheCaller(t *testing.T) {
	env := behindSudo(t)
	dir := env.home(".local/share/letta-dev/ca")
	if env.OwnerOf("/etc/letta-dev") != nil || env.OwnerOf(env.Home+"-not") != nil {
		t.Error("files outside the home are given away")
	}
	a, _, err := Open(dir, Options{Owner: env.OwnerOf(dir)})
	must(t, err)
	_, err = NewKeeper(a, KeeperOptions{})
	must(t, err)
	_, err = a.Create(Names{"localhost"}, CreateOptions{Dir: env.Home, OwnerOf: env.OwnerOf})
	must(t, err)
	wantOwner(t, env)
}

// The lock that Remove leaves behind is the caller's, who could make no authority otherwise.
func TestUnderSudoRemoveLeavesNothingOfRoots(t *testing.T) {
	env := behindSudo(t)
	dir := env.home("ca")
	_, _, err := Open(dir, Options{Owner: env.Owner})
	must(t, err)
	must(t, os.Remove(env.home(".ca.lock")))
	removeTest(t, dir, env.Owner)
	wantOwner(t, env)
}

// The folder may be anywhere: whose it is, theirs are the files in it.
func TestUnderSudoFilesInAFolderOfTheCallersAreTheirs(t *testing.T) {
	env := behindSudo(t)
	a, dir := openTest(t, Options{}), t.TempDir()
	for _, owner := range []int{env.Owner.UID, 0} {
		must(t, os.Chown(dir, owner, 0))
		made, err := a.Create(nil, CreateOptions{Dir: dir, OwnerOf: env.OwnerOf})
		must(t, err)
		for _, path := range []string{made.CertFile, made.KeyFile} {
			info, err := os.Stat(path)
			must(t, err)
			if got := info.Sys().(*syscall.Stat_t).Uid; int(got) != owner {
				t.Errorf("%s belongs to %d, the folder to %d", path, got, owner)
			}
		}
	}
}

func TestUnderSudoBrowserStoresBelongToTheCaller(t *testing.T) {
	requireTool(t, "certutil")
	env := behindSudo(t)
	s := &nssStore{env: env, name: "Chrome", dir: env.home(".local/share/pki/nssdb")}
	a := openTest(t, Options{}) // in a folder the caller may not read
	if r := Trust(t.Context(), a, []Store{s}, nil)[0]; r.Err != nil || r.After != Trusted {
		t.Fatalf("trust: %+v", r)
	}
	wantOwner(t, env)
}

// What a dry run of root's prints does the same when it is typed: the user's files stay the user's.
func TestCommandOfAnotherUserAsTyped(t *testing.T) {
	requireTool(t, "sudo")
	owner := behindSudo(t).Owner
	typed := Command{Argv: []string{"id", "-u"}, As: owner}.String()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", typed).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != strconv.Itoa(owner.UID) {
		t.Errorf("%s: %s, %v", typed, out, err)
	}
}

func TestRunBySudo(t *testing.T) {
	requireTool(t, "sudo")
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: sudo would ask for a password")
	}
	c := Command{Argv: []string{"printenv", "SUDO_COMMAND"}, NeedsRoot: true, Terminal: true, Limit: time.Minute,
		Env: []string{"PATH=" + os.Getenv("PATH")}}
	if out, err := run(t.Context(), c); err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "/printenv SUDO_COMMAND") {
		t.Errorf("%q, %v", out, err)
	}
}

// What sudo runs ends with it: it would go on as root.
func TestSudoIsEndedWithItsChild(t *testing.T) {
	requireTool(t, "sudo")
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: sudo would ask for a password")
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan int, 1)
	go func() {
		line, _ := os.ReadFile(pipe) // it waits for the child
		pid, _ := strconv.Atoi(strings.TrimSpace(string(line)))
		begun <- pid
		cancel()
	}()
	_, err := run(ctx, Command{Argv: []string{"sh", "-c", "trap '' HUP; echo $$ >" + pipe + "; exec sleep 600"}, NeedsRoot: true, Terminal: true,
		Limit: time.Minute, Env: []string{"PATH=" + os.Getenv("PATH")}})
	if w, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		_ = w.Close() // there was no child: nobody waits for it any more
	}
	pid := <-begun
	if err == nil || pid == 0 {
		t.Fatalf("child %d: %v", pid, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the child went on: %v", err)
	}
}

// Servers of other users, such as one in a container, read the certificate whatever the umask is.
func TestCreateModesDoNotDependOnTheUmask(t *testing.T) {
	a := openTest(t, Options{})
	dir := t.TempDir()
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	made, err := a.Create(Names{"localhost"}, CreateOptions{Dir: dir})
	must(t, err)
	for path, mode := range map[string]fs.FileMode{made.CertFile: 0o644, made.KeyFile: 0o600} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
	}
}

func TestHostEnv(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("SUDO_UID", "")
	t.Setenv("XDG_DATA_HOME", "/data")
	env, err := HostEnv(os.Getenv)
	must(t, err)
	if env.Home != os.Getenv("HOME") || env.Owner != nil || env.Vars["XDG_DATA_HOME"] != "/data" || env.Elevate {
		t.Errorf("plain: %+v", env)
	}
	nobody := behindSudo(t).Owner
	t.Setenv("SUDO_UID", strconv.Itoa(nobody.UID))
	env, err = HostEnv(os.Getenv)
	must(t, err)
	if env.Owner == nil || *env.Owner != *nobody || env.Home == os.Getenv("HOME") || env.Vars["XDG_DATA_HOME"] != "" {
		t.Errorf("under sudo: %+v", env)
	}
	t.Setenv("SUDO_UID", "4000000000")
	if _, err = HostEnv(os.Getenv); err == nil {
		t.Error("an unknown caller passes")
	}
}
