// Package certstest holds what the tests of package certs and of the packages below it share: fake and real machines,
// a clock, users, disks and namespaces of a test's own. It does not import package certs, so that the tests inside that package can use it too.
package certstest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// A Recorder is a Runner that only remembers commands. Reply, if set, answers them. The tests with real commands are in
// machine_linux_test.go and nss_test.go of package certs.
type Recorder struct {
	mu       sync.Mutex
	Ran      []string
	Commands []host.Command
	Reply    func(c host.Command) ([]byte, error)
}

func (r *Recorder) run(_ context.Context, c host.Command) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Ran, r.Commands = append(r.Ran, c.String()), append(r.Commands, c)
	if r.Reply == nil {
		return nil, nil
	}
	return r.Reply(c)
}

// FakeEnv returns a machine under a temporary folder, seen by root, on which the named commands are installed.
func FakeEnv(t *testing.T, goos string, r *Recorder, installed ...string) host.Env {
	t.Helper()
	return host.Env{
		GOOS: goos, Root: t.TempDir(), Home: t.TempDir(), Vars: map[string]string{"PATH": "/usr/bin"}, Run: r.run,
		LookPath: func(name string) (string, error) {
			if slices.Contains(installed, name) {
				return "/usr/bin/" + name, nil
			}
			return "", errors.New("not installed")
		},
	}
}

// RealEnv returns a machine with a home folder of the test's own and with this machine's commands.
func RealEnv(t *testing.T) host.Env {
	t.Helper()
	return host.Env{GOOS: "linux", Root: t.TempDir(), Home: t.TempDir(), Run: host.Run, LookPath: exec.LookPath,
		Vars: map[string]string{"PATH": os.Getenv("PATH")}}
}

// Lines returns the commands as typed.
func Lines(commands []host.Command) []string {
	var out []string
	for _, c := range commands {
		out = append(out, c.String())
	}
	return out
}

// WantLines requires the wanted commands, as typed.
func WantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// RequireTool returns the path of an installed program, and skips the test without it.
func RequireTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("NOT PROVEN: %s is not installed", name)
	}
	return path
}

// A Clock stands still until it is advanced.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows noon of a day in November 2026.
func NewClock() *Clock { return ClockAt(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)) }

// ClockAt returns a clock that shows a time.
func ClockAt(now time.Time) *Clock { return &Clock{now: now} }

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on, or back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Day is 24 hours, whatever a time zone makes of a date.
const Day = 24 * time.Hour

// WantHint requires an error that says something, with a hint that contains another thing.
func WantHint(t *testing.T, err error, says, hint string) {
	t.Helper()
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) {
		t.Fatalf("error %v has no hint", err)
	}
	if !strings.Contains(err.Error(), says) || !strings.Contains(hinted.Hint(), hint) {
		t.Fatalf("error %q with hint %q, want %q and %q", err, hinted.Hint(), says, hint)
	}
}

// Read returns the content of a file.
func Read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Write writes a file, and the folders above it.
func Write(t *testing.T, path string, mode os.FileMode, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// Must ends the test if err is not nil.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// List returns the names in a folder.
func List(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	Must(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// SelfSigned returns a root of the organisation whose key is lost.
func SelfSigned(t testing.TB, organisation string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Must(t, err)
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{organisation}, CommonName: "letta-dev root x"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	Must(t, err)
	c, err := x509.ParseCertificate(der)
	Must(t, err)
	return c
}

// Play returns a command that starts this test binary again as another process, which plays a role in TestMain.
func Play(t *testing.T, role, dir string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "CERTS_TEST_ROLE="+role, "CERTS_TEST_DIR="+dir)...)
	return cmd
}
