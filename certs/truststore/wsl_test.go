package truststore

import (
	"errors"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

const wslKernel = "5.15.153.1-microsoft-standard-WSL2\n"

func TestWSLIsFound(t *testing.T) {
	for name, tc := range map[string]struct {
		goos, kernel, distribution, tool string
		want                             bool
	}{
		"by its kernel":           {"linux", wslKernel, "", "certutil.exe", true},
		"by its variable":         {"linux", "6.18.0\n", "Debian", "certutil.exe", true},
		"without Windows' PATH":   {"linux", wslKernel, "Debian", "/mnt/c/Windows/System32/certutil.exe", true},
		"a container in it":       {"linux", wslKernel, "", "", false},
		"another Linux, and wine": {"linux", "6.18.0\n", "", "certutil.exe", false},
		"Windows itself":          {"windows", "", "Debian", "certutil.exe", false},
	} {
		t.Run(name, func(t *testing.T) {
			env := certstest.FakeEnv(t, tc.goos, &certstest.Recorder{}, tc.tool)
			certstest.Write(t, env.InRoot("/proc/sys/kernel/osrelease"), 0o644, tc.kernel)
			env.Vars["WSL_DISTRO_NAME"] = tc.distribution
			if strings.HasPrefix(tc.tool, "/") {
				certstest.Write(t, env.InRoot(tc.tool), 0o755, "")
			}
			if got := inWSL(env); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}

// The Windows user's store takes the public root from where it lies, and nothing of ours goes anywhere else.
func TestWSL(t *testing.T) {
	a := openTest(t, certs.Options{})
	listing, broken := "", error(nil)
	r := &certstest.Recorder{}
	r.Reply = func(c host.Command) ([]byte, error) {
		switch {
		case c.Argv[0] == "wslpath":
			return []byte(`\\wsl.localhost\Debian\home\me\rootCA.pem` + "\r\n"), broken
		case c.Asks:
			listing = entryOf("O=letta-dev development CA", thumbprint(a.Root()))
			if c.Argv[2] == "-delstore" {
				listing = ""
			}
		}
		return []byte(listing), nil
	}
	env := certstest.FakeEnv(t, "linux", r, "certutil.exe")
	env.Vars["WSL_DISTRO_NAME"], env.Attended = "Debian", true
	stores := Stores(env, System)
	if len(stores) != 2 || stores[0].Name() != "system" || stores[1].Name() != "Windows" {
		t.Fatalf("stores: %v", stores)
	}
	windows := stores[1:]
	if got := Prove(t.Context(), certs.Claim{Authority: a}, windows, nil)[0]; got.After != Absent || got.Err != nil || got.Known != ByTool {
		t.Errorf("before: %+v", got)
	}
	got := Install(t.Context(), a, windows, nil)[0]
	if got.After != Trusted || got.Err != nil || got.Known != ByTool {
		t.Errorf("trust: %+v", got)
	}
	certstest.WantLines(t, certstest.Lines(got.Commands), `/usr/bin/certutil.exe -user -addstore Root '\\wsl.localhost\Debian\home\me\rootCA.pem'`)
	if got := Uninstall(t.Context(), certs.Claim{Authority: a}, windows, nil)[0]; got.After != Absent || got.Err != nil || len(got.Commands) != 1 {
		t.Errorf("untrust: %+v", got)
	}
	for _, ran := range r.Ran {
		if strings.Contains(ran, "key") || strings.Contains(ran, "/mnt/") {
			t.Errorf("ran %s", ran)
		}
	}
	broken = errors.New("wslpath: no such file")
	if got := Install(t.Context(), a, windows, nil)[0]; !errors.Is(got.Err, broken) || got.After == Trusted {
		t.Errorf("without a path: %+v", got)
	}
}
