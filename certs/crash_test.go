package certs

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dieAt opens an authority and kills itself before the named change to the disk.
func dieAt() int {
	_, _, err := Open(os.Getenv("CERTS_TEST_DIR"), Options{step: func(name string) {
		fmt.Println(name)
		if name == os.Getenv("CERTS_TEST_POINT") {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {} // the blow takes a moment
		}
	}})
	return report(err)
}

// openAndTell opens an authority once told to, and prints its fingerprint.
func openAndTell() int {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return report(err)
	}
	a, created, err := Open(os.Getenv("CERTS_TEST_DIR"), Options{})
	if err == nil {
		fmt.Println(a.Root().Fingerprint(), created)
	}
	return report(err)
}

func report(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func playing(t *testing.T, role, dir string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "CERTS_TEST_ROLE="+role, "CERTS_TEST_DIR="+dir)...)
	return cmd
}

// A process that dies at any step leaves nothing or a whole authority, and the next one cleans up after it.
func TestOpenSurvivesKill(t *testing.T) {
	out, err := playing(t, "dieAt", filepath.Join(t.TempDir(), "new", "ca")).Output()
	must(t, err)
	steps := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(steps) < 8 {
		t.Fatalf("steps: %q", steps)
	}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ca")
			if playing(t, "dieAt", dir, "CERTS_TEST_POINT="+step).Run() == nil {
				t.Fatal("the process went on")
			}
			wantWholeOrNothing(t, dir)
		})
	}
}

// The same with the blow falling at any time, in the middle of a write too.
func TestOpenSurvivesKillAtAnyTime(t *testing.T) {
	for i := range 15 {
		dir := filepath.Join(t.TempDir(), "ca")
		cmd := playing(t, "openAndTell", dir)
		in, err := cmd.StdinPipe()
		must(t, err)
		must(t, cmd.Start())
		_, err = in.Write([]byte("\n"))
		must(t, err)
		timer := time.AfterFunc(time.Duration(i)*700*time.Microsecond, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // killed, or done before
		timer.Stop()
		wantWholeOrNothing(t, dir)
	}
}

func wantWholeOrNothing(t *testing.T, dir string) {
	t.Helper()
	if _, err := Load(dir, Options{}); err != nil && (!errors.Is(err, fs.ErrNotExist) || exists(dir)) {
		t.Errorf("half an authority: %v", err)
	}
	_, created, err := Open(dir, Options{})
	if err != nil || !created {
		must(t, err)
		return // whole: what is beside it waits for the next one that makes an authority
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	must(t, err)
	for _, entry := range left {
		if name := entry.Name(); name != "ca" && name != ".ca.lock" {
			t.Errorf("left behind: %s", name)
		}
	}
}

// Several processes at once: one makes the authority, all have the same.
func TestOpenFromManyProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "ca")
	const n = 6
	var cmds [n]*exec.Cmd
	var starts [n]func()
	var outs [n]strings.Builder
	for i := range cmds {
		cmds[i] = playing(t, "openAndTell", dir)
		cmds[i].Stdout, cmds[i].Stderr = &outs[i], os.Stderr
		in, err := cmds[i].StdinPipe()
		must(t, err)
		starts[i] = func() { _, _ = in.Write([]byte("\n")) }
		must(t, cmds[i].Start())
	}
	for _, start := range starts {
		start()
	}
	makers, fingerprints := 0, map[string]bool{}
	for i, cmd := range cmds {
		must(t, cmd.Wait())
		var fingerprint string
		var created bool
		if _, err := fmt.Sscan(outs[i].String(), &fingerprint, &created); err != nil {
			t.Fatal(err)
		}
		fingerprints[fingerprint] = true
		if created {
			makers++
		}
	}
	if makers != 1 || len(fingerprints) != 1 {
		t.Errorf("%d processes made %d authorities", makers, len(fingerprints))
	}
}
