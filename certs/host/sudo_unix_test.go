//go:build unix

package host_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// What a dry run of root's prints does the same when it is typed: the user's files stay the user's.
func TestCommandOfAnotherUserAsTyped(t *testing.T) {
	certstest.RequireTool(t, "sudo")
	owner := certstest.UnderSudo(t).Owner
	typed := host.Command{Argv: []string{"id", "-u"}, As: owner}.String()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", typed).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != strconv.Itoa(owner.UID) {
		t.Errorf("%s: %s, %v", typed, out, err)
	}
}

func TestRunBySudo(t *testing.T) {
	certstest.RequireTool(t, "sudo")
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: sudo would ask for a password")
	}
	c := host.Command{Argv: []string{"printenv", "SUDO_COMMAND"}, NeedsRoot: true, Terminal: true, Limit: time.Minute,
		Env: []string{"PATH=" + os.Getenv("PATH")}}
	if out, err := host.Run(t.Context(), c); err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "/printenv SUDO_COMMAND") {
		t.Errorf("%q, %v", out, err)
	}
}

// What sudo runs ends with it: it would go on as root.
func TestSudoIsEndedWithItsChild(t *testing.T) {
	certstest.RequireTool(t, "sudo")
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: sudo would ask for a password")
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	certstest.Must(t, syscall.Mkfifo(pipe, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan int, 1)
	go func() {
		line, _ := os.ReadFile(pipe) // it waits for the child
		pid, _ := strconv.Atoi(strings.TrimSpace(string(line)))
		begun <- pid
		cancel()
	}()
	_, err := host.Run(ctx, host.Command{Argv: []string{"sh", "-c", "trap '' HUP; echo $$ >" + pipe + "; exec sleep 600"}, NeedsRoot: true, Terminal: true,
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

func TestHostEnv(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("SUDO_UID", "")
	t.Setenv("XDG_DATA_HOME", "/data")
	env, err := host.Detect(os.Getenv)
	certstest.Must(t, err)
	if env.Home != os.Getenv("HOME") || env.Owner != nil || env.Vars["XDG_DATA_HOME"] != "/data" || env.Elevate {
		t.Errorf("plain: %+v", env)
	}
	nobody := certstest.UnderSudo(t).Owner
	t.Setenv("SUDO_UID", strconv.Itoa(nobody.UID))
	env, err = host.Detect(os.Getenv)
	certstest.Must(t, err)
	if env.Owner == nil || *env.Owner != *nobody || env.Home == os.Getenv("HOME") || env.Vars["XDG_DATA_HOME"] != "" {
		t.Errorf("under sudo: %+v", env)
	}
	t.Setenv("SUDO_UID", "4000000000")
	if _, err = host.Detect(os.Getenv); err == nil {
		t.Error("an unknown caller passes")
	}
}

// Behind sudo nothing runs as root that the user could have put there, however they did it.
func TestUnderSudoRootRunsNothingOfTheUsers(t *testing.T) {
	env := certstest.UnderSudo(t)
	theirs, roots := env.InHome("bin"), t.TempDir()
	certstest.Write(t, theirs+"/roots", 0o755, "#!/bin/sh\necho ran\n") // in a folder of the user's: they may replace it
	certstest.Must(t, os.Chown(theirs, env.Owner.UID, env.Owner.GID))
	certstest.Must(t, os.Symlink("/bin/true", theirs+"/link"))
	certstest.Write(t, roots+"/theirs", 0o755, "#!/bin/sh\necho ran\n")
	certstest.Must(t, os.Chown(roots+"/theirs", env.Owner.UID, env.Owner.GID))
	certstest.Write(t, roots+"/anybodys", 0o755, "#!/bin/sh\necho ran\n")
	certstest.Must(t, os.Chmod(roots+"/anybodys", 0o777))
	certstest.Must(t, os.Symlink(theirs+"/link", roots+"/detour"))
	certstest.Must(t, os.Symlink("loop", roots+"/loop"))
	for _, program := range []string{theirs + "/roots", theirs + "/link", roots + "/theirs", roots + "/anybodys", roots + "/detour", roots + "/loop"} {
		out, err := env.Do(t.Context(), host.Command{Argv: []string{program}})
		if err == nil || len(out) > 0 {
			t.Fatalf("%s ran: %s", program, out)
		}
		certstest.WantHint(t, err, "run "+program+" as root", "# without sudo")
	}
	certstest.Write(t, roots+"/roots", 0o755, "#!/bin/sh\necho \"$HOME $PATH\"\n")
	certstest.Must(t, os.Symlink("roots", roots+"/link"))
	env.Vars["PATH"] = theirs + ":/usr/bin"
	if out, err := env.Do(t.Context(), host.Command{Argv: []string{roots + "/link"}}); err != nil || string(out) != "/ /usr/bin\n" {
		t.Errorf("root's own: %q, %v", out, err)
	}
	if out, err := env.Do(t.Context(), host.Command{Argv: []string{theirs + "/roots"}, As: env.Owner}); err != nil || string(out) != "ran\n" {
		t.Errorf("as the user: %q, %v", out, err)
	}
}
