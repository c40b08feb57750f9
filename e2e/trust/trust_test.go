//go:build e2e && linux

package trust

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestClientsOfRoot(t *testing.T) {
	if ownMachine(t) {
		theStory(t, newStory(t, &user{home: newHome(t, "/home/newcomer", nil)}))
	}
}

// The user types `sudo letta-dev certs install`: their own stores are meant, and what is in their home stays theirs.
func TestClientsOfTheUserBehindSudo(t *testing.T) {
	if ownMachine(t) {
		u := sudoer(t)
		s := newStory(t, u)
		s.brief = true
		theStory(t, s)
		owned(t, u)
	}
}

// Where the NSS tools are missing the browsers' own policies bring the root, when they are asked to. Firefox copies it into its
// profile and keeps it, so that uninstalling needs the tools all the same, and says so.
func TestBrowsersByPolicy(t *testing.T) {
	if !ownMachine(t) {
		return
	}
	certutil, err := exec.LookPath("certutil")
	must(t, err)
	must(t, syscall.Mount("/dev/null", certutil, "", syscall.MS_BIND, "")) // which cannot be run
	u := &user{home: newHome(t, "/home/newcomer", nil)}
	s := newStory(t, u)
	s.brief = true
	served := s.serve(t)
	u.admin(t, "certs", "install", "--policies")
	s.all(t, "installed", []store{browsers}, nil, served)
	out, err := u.command(t.Context(), program, "certs", "uninstall").CombinedOutput()
	if !strings.Contains(string(out), "certutil is not installed") || err == nil {
		t.Errorf("uninstall without certutil: %v\n%s", err, out)
	}
	must(t, syscall.Unmount(certutil, 0))
	u.admin(t, "certs", "uninstall")
	s.all(t, "uninstalled", []store{browsers}, nil, honest(unknown))
}

// theStory is what every client makes of us before our root is in the stores, while it is, and after.
func theStory(t *testing.T, s *story) {
	served := s.serve(t)
	bundle := read(t, "/etc/ssl/certs/ca-certificates.crt")
	every, readers, told, byRun := []store{browsers, system, nothing}, []store{browsers, system}, []store{system, nothing}, []string{program, "run", "--"}
	s.all(t, "before", every, nil, map[string]verdict{home: unknown}) // also: browsers make their profiles
	s.all(t, "by run", told, byRun, served)

	s.user.admin(t, "certs", "install")
	s.user.letta(t, "certs", "status")
	shell := s.user.shell(t)
	s.all(t, "installed", readers, nil, served)

	s.user.admin(t, "certs", "uninstall")
	s.user.admin(t, "certs", "uninstall") // a second time there is nothing to do, and that is no error
	s.all(t, "uninstalled", every, nil, honest(unknown))
	s.all(t, "uninstalled, in a shell of before", told, shell, honest(unknown))
	if string(bundle) != string(read(t, "/etc/ssl/certs/ca-certificates.crt")) {
		t.Error("the system's bundle is not what it was")
	}
	if left, err := os.ReadDir(s.authority); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v, %v", s.authority, left, err)
	}
}
