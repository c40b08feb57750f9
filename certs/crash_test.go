package certs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// playedOptions are what the process that a test has started is to open.
func playedOptions() Options {
	o := Options{CAROOT: os.Getenv("CERTS_TEST_CAROOT")}
	if domain := os.Getenv("CERTS_TEST_DOMAIN"); domain != "" {
		o.Domains = []string{domain}
	}
	return o
}

// dieAt opens an authority and kills itself before the named change to the disk.
func dieAt() int {
	o := playedOptions()
	o.step = func(name string) {
		fmt.Println(name)
		if name == os.Getenv("CERTS_TEST_POINT") {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {} // the blow takes a moment
		}
	}
	_, _, err := Open(os.Getenv("CERTS_TEST_DIR"), o)
	return report(err)
}

// openAndTell opens an authority once told to, and prints its fingerprint.
func openAndTell() int {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return report(err)
	}
	a, created, err := Open(os.Getenv("CERTS_TEST_DIR"), playedOptions())
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

// removeWhenTold removes an authority once told to.
func removeWhenTold() int {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return report(err)
	}
	_, err := Remove(os.Getenv("CERTS_TEST_DIR"), nil)
	return report(err)
}

// renewForever issues leaves until it is killed.
func renewForever() int {
	a, err := Load(os.Getenv("CERTS_TEST_DIR"), Options{})
	for err == nil {
		_, err = a.Renew()
		fmt.Println("renewed")
	}
	return report(err)
}

// A process that dies at any step leaves nothing or a whole authority, and the next one cleans up after it.
func TestOpenSurvivesKill(t *testing.T) {
	for kind, tc := range map[string]struct {
		wish  string
		steps int
	}{
		"ours":         {"CERTS_TEST_DOMAIN=", 9},
		"with domains": {"CERTS_TEST_DOMAIN=example.test", 9},
		"mkcert's":     {"CERTS_TEST_CAROOT=" + certstest.FakeCAROOT(t), 7},
	} {
		out, err := certstest.Play(t, "dieAt", filepath.Join(t.TempDir(), "new", "ca"), tc.wish).Output()
		certstest.Must(t, err)
		steps := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(steps) != tc.steps {
			t.Fatalf("steps: %q", steps)
		}
		for _, step := range steps {
			t.Run(kind+"/"+step, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "ca")
				if certstest.Play(t, "dieAt", dir, tc.wish, "CERTS_TEST_POINT="+step).Run() == nil {
					t.Fatal("the process went on")
				}
				wantWholeOrNothing(t, dir)
			})
		}
	}
}

// The same in a folder that holds something else: the next one that opens it has a whole authority, and the rest is as it was.
func TestOpenBesideOthersSurvivesKill(t *testing.T) {
	newDir := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "ca")
		certstest.Write(t, dir+"/.DS_Store", 0o644, "Finder's")
		certstest.Must(t, os.Chmod(dir, 0o700))
		return dir
	}
	for kind, wish := range map[string]string{"ours": "CERTS_TEST_DOMAIN=", "mkcert's": "CERTS_TEST_CAROOT=" + certstest.FakeCAROOT(t)} {
		out, err := certstest.Play(t, "dieAt", newDir(t), wish).Output()
		certstest.Must(t, err)
		for step := range strings.FieldsFuncSeq(string(out), func(r rune) bool { return r == '\n' }) {
			t.Run(kind+"/"+step, func(t *testing.T) {
				dir := newDir(t)
				if certstest.Play(t, "dieAt", dir, wish, "CERTS_TEST_POINT="+step).Run() == nil {
					t.Fatal("the process went on")
				}
				if _, _, err := Open(dir, Options{}); err != nil {
					t.Errorf("the next one: %v", err)
				}
				if left, err := Remove(dir, nil); err != nil || !slices.Equal(left, []string{".DS_Store"}) || !slices.Equal(certstest.List(t, dir), left) {
					t.Errorf("left %q of %q, %v", left, certstest.List(t, dir), err)
				}
				if got := certstest.List(t, filepath.Dir(dir)); !slices.Equal(got, []string{".ca.lock", "ca"}) {
					t.Errorf("beside it: %q", got)
				}
			})
		}
	}
}

// blow starts a process, tells it to begin, and kills it a while later, or in the middle of its work.
func blow(t *testing.T, cmd *exec.Cmd, after time.Duration) {
	t.Helper()
	in, err := cmd.StdinPipe()
	certstest.Must(t, err)
	certstest.Must(t, cmd.Start())
	_, err = in.Write([]byte("\n"))
	certstest.Must(t, err)
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // killed, or done before
	timer.Stop()
}

// A removal that is killed leaves the authority whole or takes it away; what is left of its key goes with the next.
func TestRemoveSurvivesKill(t *testing.T) {
	for i := range 10 {
		a := openTest(t, Options{})
		_, err := NewKeeper(a, KeeperOptions{})
		certstest.Must(t, err)
		blow(t, certstest.Play(t, "removeWhenTold", a.Dir()), time.Duration(i)*100*time.Microsecond)
		if _, err := Load(a.Dir(), Options{}); err != nil && (!errors.Is(err, fs.ErrNotExist) || host.Exists(a.Dir())) {
			t.Errorf("half an authority: %v", err)
		}
		removeTest(t, a.Dir(), nil)
		if left := certstest.List(t, filepath.Dir(a.Dir())); !slices.Equal(left, []string{".ca.lock"}) {
			t.Errorf("left behind: %v", left)
		}
	}
}

// A renewal that is killed leaves the old leaf or the new one.
func TestRenewSurvivesKill(t *testing.T) {
	a := openTest(t, Options{})
	_, err := NewKeeper(a, KeeperOptions{})
	certstest.Must(t, err)
	for i := range 15 {
		cmd := certstest.Play(t, "renewForever", a.Dir())
		out, err := cmd.StdoutPipe()
		certstest.Must(t, err)
		certstest.Must(t, cmd.Start())
		_, err = bufio.NewReader(out).ReadString('\n') // it is at work
		certstest.Must(t, err)
		timer := time.AfterFunc(time.Duration(i)*90*time.Microsecond, func() { _ = cmd.Process.Kill() })
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		timer.Stop()
		seen := &renewals{}
		if _, err := NewKeeper(a, KeeperOptions{Renewed: seen.add}); err != nil || len(seen.take()) != 0 {
			t.Fatalf("the leaves are not whole: %v", err)
		}
	}
}

// The same with the blow falling at any time, in the middle of a write too.
func TestOpenSurvivesKillAtAnyTime(t *testing.T) {
	for i := range 15 {
		dir := filepath.Join(t.TempDir(), "ca")
		blow(t, certstest.Play(t, "openAndTell", dir), time.Duration(i)*700*time.Microsecond)
		wantWholeOrNothing(t, dir)
	}
}

func wantWholeOrNothing(t *testing.T, dir string) {
	t.Helper()
	if _, err := Load(dir, Options{}); err != nil && (!errors.Is(err, fs.ErrNotExist) || host.Exists(dir)) {
		t.Errorf("half an authority: %v", err)
	}
	_, created, err := Open(dir, Options{})
	if err != nil || !created {
		certstest.Must(t, err)
		return // whole: what is beside it waits for the next one that makes an authority
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	certstest.Must(t, err)
	for _, entry := range left {
		if name := entry.Name(); name != "ca" && name != ".ca.lock" {
			t.Errorf("left behind: %s", name)
		}
	}
}

// Several processes at once: one makes the authority, all have the same.
func TestOpenFromManyProcesses(t *testing.T) {
	for name, wish := range map[string]string{"ours": "CERTS_TEST_DOMAIN=", "mkcert's": "CERTS_TEST_CAROOT=" + certstest.FakeCAROOT(t)} {
		t.Run(name, func(t *testing.T) {
			if makers, refused, fingerprints := openAtOnce(t, wish); makers != 1 || refused != 0 || len(fingerprints) != 1 {
				t.Errorf("%d processes made %d authorities, %d were refused", makers, len(fingerprints), refused)
			}
		})
	}
}

// Where they want different ones, one gets what it wants, and those that want another are told so.
func TestOpenFromProcessesThatDisagree(t *testing.T) {
	makers, refused, fingerprints := openAtOnce(t, "CERTS_TEST_DOMAIN=one.test", "CERTS_TEST_DOMAIN=two.test", "CERTS_TEST_CAROOT="+certstest.FakeCAROOT(t))
	if makers != 1 || refused != 4 || len(fingerprints) != 1 {
		t.Errorf("%d processes made %d authorities, %d were refused", makers, len(fingerprints), refused)
	}
}

// openAtOnce has six processes open one folder, with wishes in turn.
func openAtOnce(t *testing.T, wishes ...string) (makers, refused int, fingerprints map[string]bool) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new", "ca")
	const n = 6
	var cmds [n]*exec.Cmd
	var starts [n]func()
	var outs [n]strings.Builder
	for i := range cmds {
		cmds[i] = certstest.Play(t, "openAndTell", dir, wishes[i%len(wishes)])
		cmds[i].Stdout = &outs[i]
		in, err := cmds[i].StdinPipe()
		certstest.Must(t, err)
		starts[i] = func() { _, _ = in.Write([]byte("\n")) }
		certstest.Must(t, cmds[i].Start())
	}
	for _, start := range starts {
		start()
	}
	fingerprints = map[string]bool{}
	for i, cmd := range cmds {
		if cmd.Wait() != nil {
			refused++
			continue
		}
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
	return makers, refused, fingerprints
}
