package docker

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

func TestAdvice(t *testing.T) {
	gone := errors.New("connect: no such file or directory")
	denied := errors.New("permission denied while trying to connect to the docker API at unix:///var/run/docker.sock")
	usual := func(err error) []orchestrator.Attempt {
		return []orchestrator.Attempt{{Host: "unix:///var/run/docker.sock", Found: "known socket", Err: err}}
	}
	chosen := func(host, found string) []orchestrator.Attempt {
		return []orchestrator.Attempt{{Host: host, Found: found, Err: gone}}
	}
	having := func(programs ...string) func(string) bool {
		return func(p string) bool { return slices.Contains(programs, p) }
	}
	for _, c := range []struct {
		name  string
		m     machine
		tried []orchestrator.Attempt
		want  string
	}{
		{"debian", machine{goos: "linux", family: []string{"debian"}}, usual(gone), "sudo apt-get install docker.io"},
		{"mint, as root", machine{goos: "linux", family: []string{"linuxmint", "ubuntu", "debian"}, root: true}, usual(gone), "apt-get install docker.io"},
		{"fedora", machine{goos: "linux", family: []string{"fedora"}}, usual(gone), "sudo dnf install moby-engine && sudo systemctl start docker"},
		{"rocky", machine{goos: "linux", family: []string{"rocky", "rhel", "centos", "fedora"}}, usual(gone), "sudo dnf install podman && systemctl --user start podman.socket"},
		{"arch", machine{goos: "linux", family: []string{"arch"}}, usual(gone), "sudo pacman -S docker && sudo systemctl start docker"},
		{"opensuse", machine{goos: "linux", family: []string{"opensuse-leap", "suse", "opensuse"}}, usual(gone), "sudo zypper install docker && sudo systemctl start docker"},
		{"alpine", machine{goos: "linux", family: []string{"alpine"}}, usual(gone), "sudo apk add docker && sudo rc-service docker start"},
		{"unknown", machine{goos: "linux"}, usual(gone), "see https://docs.docker.com/engine/install/"},
		{"not started", machine{goos: "linux", systemd: true, has: having("dockerd")}, usual(gone), "sudo systemctl start docker"},
		{"no systemd", machine{goos: "linux", root: true, has: having("dockerd")}, usual(gone), "dockerd &"},
		{"podman", machine{goos: "linux", systemd: true, has: having("podman")}, usual(gone), "systemctl --user start podman.socket"},
		{"podman, no systemd", machine{goos: "linux", has: having("podman")}, usual(gone), "podman system service --time=0 &"},
		{"not in the group", machine{goos: "linux", has: having("dockerd")}, usual(denied), "sudo usermod -aG docker $USER && newgrp docker"},
		{"mac", machine{goos: "darwin"}, usual(gone), "open -a Docker"},
		{"colima", machine{goos: "darwin", has: having("colima")}, usual(gone), "colima start"},
		{"windows", machine{goos: "windows"}, usual(gone), "docker desktop start"},
		{"freebsd", machine{goos: "freebsd"}, usual(gone), "letta-dev down --host ssh://USER@MACHINE"},
		{"remote", machine{goos: "linux"}, chosen("tcp://10.0.0.7:2375", "--host"), "docker --host tcp://10.0.0.7:2375 version"},
		{"stale variable", machine{goos: "linux"}, chosen("unix:///tmp/x.sock", "DOCKER_HOST"), "unset DOCKER_HOST"},
		{"stopped desktop", machine{goos: "linux"}, chosen("unix:///home/me/.docker/desktop/docker.sock", "context desktop-linux"), "docker context use default"},
		{"wrong socket", machine{goos: "linux"}, chosen("unix:///tmp/x.sock", "--host"), "letta-dev down  # without --host"},
		{"a path", machine{goos: "linux"}, chosen("/run/docker.sock", "DOCKER_HOST"), "export DOCKER_HOST=unix:///run/docker.sock"},
		{"a path, by the flag", machine{goos: "linux"}, chosen("/run/docker.sock", "--host"), "letta-dev down --host unix:///run/docker.sock"},
		{"one slash", machine{goos: "linux"}, chosen("unix:/run/docker.sock", "DOCKER_HOST"), "export DOCKER_HOST=unix:///run/docker.sock"},
		{"two slashes", machine{goos: "linux"}, chosen("unix://run/docker.sock", "DOCKER_HOST"), "export DOCKER_HOST=unix:///run/docker.sock"},
		{"a blank behind", machine{goos: "linux"}, chosen("tcp://10.0.0.7:2375 ", "DOCKER_HOST"), "export DOCKER_HOST=tcp://10.0.0.7:2375"},
		{"no scheme", machine{goos: "linux"}, chosen("localhost:2375", "DOCKER_HOST"), "export DOCKER_HOST=tcp://localhost:2375"},
		{"no port", machine{goos: "linux"}, chosen("tcp:localhost", "DOCKER_HOST"), "unset DOCKER_HOST"},
		{"no URL", machine{goos: "linux"}, chosen("docker.sock", "DOCKER_HOST"), "unset DOCKER_HOST"},
		{"no URL, by the flag", machine{goos: "linux"}, chosen("docker.sock", "--host"), "letta-dev down  # without --host"},
		{"a path that a shell divides", machine{goos: "linux"}, chosen("/run/my sockets/$x", "DOCKER_HOST"), "unset DOCKER_HOST"},
		{"usual socket, named", machine{goos: "linux", has: having("dockerd")}, chosen("unix:///var/run/docker.sock", "DOCKER_HOST"), "sudo dockerd &"},
	} {
		if c.m.has == nil {
			c.m.has = having()
		}
		c.m.command = "down"
		if got := advise(c.m, c.tried); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// FuzzWellFormed holds that what is advised is a URL the client takes, one plain word of a shell, and needs no further advice.
func FuzzWellFormed(f *testing.F) {
	for _, seed := range []string{"/run/docker.sock", "unix:x", "unix://", "localhost:2375", "[::1]:2375", "tcp://h:1", "ssh://a@b", "fd://", " a b ", "npipe:////./pipe/x", "a:0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		got := wellFormed(host)
		if got == "" {
			return
		}
		if _, err := client.ParseHostURL(got); err != nil {
			t.Errorf("%q became %q: %v", host, got, err)
		}
		if strings.ContainsAny(got, " \t\n\"'`$;&|<>()*?~#\\") {
			t.Errorf("%q became %q, which a shell changes", host, got)
		}
		if again := wellFormed(got); again != got {
			t.Errorf("%q became %q and then %q", host, got, again)
		}
	})
}

func TestOSFamily(t *testing.T) {
	file := filepath.Join(t.TempDir(), "os-release")
	writeFile(t, file, "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID='21'\n")
	if got := osFamily(file); !slices.Equal(got, []string{"linuxmint", "ubuntu", "debian"}) {
		t.Errorf("family %q", got)
	}
	if got := osFamily(file + fs.ModeDir.String()); got != nil {
		t.Errorf("without the file: %q", got)
	}
}
