package docker

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// machine is what the advice for a missing engine depends on.
type machine struct {
	goos    string
	family  []string // ID and ID_LIKE of os-release: ubuntu, debian
	systemd bool
	root    bool
	has     func(program string) bool
	command string // of letta-dev that needs the engine
}

// thisMachine looks at the machine; only an error pays for it.
func (o Options) thisMachine() machine {
	_, err := os.Stat("/run/systemd/system") // sd_booted(3)
	return machine{
		goos: o.GOOS, family: osFamily("/etc/os-release"), systemd: err == nil, root: os.Geteuid() == 0, command: o.Command,
		has: func(program string) bool { _, err := exec.LookPath(program); return err == nil },
	}
}

// osFamily reads ID and ID_LIKE, the nearest first (os-release(5)).
func osFamily(file string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var id, like []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		words := strings.Fields(strings.Trim(value, `"'`))
		switch key {
		case "ID":
			id = words
		case "ID_LIKE":
			like = words
		}
	}
	return append(id, like...)
}

// advise is the one command that most likely brings an engine, after all that was tried failed.
func advise(m machine, tried []orchestrator.Attempt) string {
	if len(tried) == 1 && tried[0].Found != "known socket" {
		if a, ok := m.adviseChoice(tried[0]); ok {
			return a
		}
	}
	denied := slices.ContainsFunc(tried, func(a orchestrator.Attempt) bool {
		return a.Err != nil && strings.Contains(a.Err.Error(), "permission denied")
	})
	switch {
	case m.goos == "darwin" && m.has("colima"):
		return "colima start"
	case m.goos == "darwin":
		return "open -a Docker"
	case m.goos == "windows":
		return "docker desktop start"
	case m.goos != "linux":
		return "letta-dev " + m.command + " --host ssh://USER@MACHINE"
	case denied:
		return m.sudo("usermod -aG docker $USER && newgrp docker")
	case m.has("dockerd") && m.systemd:
		return m.sudo("systemctl start docker")
	case m.has("dockerd"):
		return m.sudo("dockerd &")
	case m.has("podman") && m.systemd:
		return "systemctl --user start podman.socket"
	case m.has("podman"):
		return "podman system service --time=0 &"
	}
	return m.install()
}

// adviseChoice answers for a place that somebody chose; not for the usual socket, where the usual advice holds.
func (m machine) adviseChoice(a orchestrator.Attempt) (string, bool) {
	withoutHost := "letta-dev " + m.command + "  # without --host"
	var other *impostor
	errors.As(a.Err, &other)
	switch host := wellFormed(a.Host); {
	case host == "" && a.Found == "DOCKER_HOST":
		return "unset DOCKER_HOST", true
	case host == "" && a.Found == "--host":
		return withoutHost, true
	case host != a.Host && a.Found == "DOCKER_HOST":
		return "export DOCKER_HOST=" + host, true
	case host != a.Host && a.Found == "--host":
		return "letta-dev " + m.command + " --host " + host, true
	case other != nil && other.advice != "":
		return other.advice, true
	case other.isNoEngine() && a.Found == "DOCKER_HOST":
		return "unset DOCKER_HOST", true
	case other.isNoEngine() && strings.HasPrefix(a.Found, "context "):
		return "docker context use default", true
	case other.isNoEngine() && a.Found == "--host":
		return withoutHost, true
	case a.Found == recorded && a.Host != "unix:///var/run/docker.sock":
		return fmt.Sprintf("docker --host %s version  # start the engine there, then the same again", a.Host), true
	case !strings.HasPrefix(a.Host, "unix://") && !strings.HasPrefix(a.Host, "npipe://"):
		return fmt.Sprintf("docker --host %s version", a.Host), true
	case a.Host == "unix:///var/run/docker.sock" || strings.Contains(a.Err.Error(), "permission denied"):
		return "", false
	case a.Found == "DOCKER_HOST":
		return "unset DOCKER_HOST", true
	case strings.HasPrefix(a.Found, "context "):
		return "docker context use default", true
	}
	return withoutHost, true
}

// wellFormed returns the URL that host most likely stands for, and host itself where it is one: a socket is often named by its path
// alone or with too few slashes, a machine without the scheme, which the docker command forgives and its Go client does not. It
// returns "" for what it cannot tell, and for what a shell would not take as one plain word.
func wellFormed(host string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:@[]%+,="
	host = strings.TrimSpace(host)
	if strings.Trim(host, plain) != "" {
		return ""
	}
	scheme, rest, _ := strings.Cut(host, ":")
	name, port, err := net.SplitHostPort(host)
	switch {
	case strings.HasPrefix(host, "/"):
		host = "unix:///" + strings.TrimLeft(host, "/")
	case scheme == "unix":
		host = "unix:///" + strings.TrimLeft(rest, "/")
	case err == nil && name != "" && isPort(port):
		host = "tcp://" + host
	}
	if _, err := client.ParseHostURL(host); err != nil || host == "unix:///" {
		return ""
	}
	return host
}

// isPort reports whether s is the number of a TCP port.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// install is how the system's own packages bring an engine.
func (m machine) install() string {
	for _, id := range m.family {
		switch id {
		case "debian", "ubuntu":
			return m.sudo("apt-get install docker.io")
		case "fedora":
			return m.sudo("dnf install moby-engine && ") + m.sudo("systemctl start docker")
		case "rhel", "centos":
			return m.sudo("dnf install podman && systemctl --user start podman.socket")
		case "arch":
			return m.sudo("pacman -S docker && ") + m.sudo("systemctl start docker")
		case "suse", "opensuse":
			return m.sudo("zypper install docker && ") + m.sudo("systemctl start docker")
		case "alpine":
			return m.sudo("apk add docker && ") + m.sudo("rc-service docker start")
		}
	}
	return "see https://docs.docker.com/engine/install/"
}

func (m machine) sudo(command string) string {
	if m.root {
		return command
	}
	return "sudo " + command
}
