package certs

import (
	"bytes"
	"context"
	"os"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// On WSL the programs run on Linux and the browser on Windows (mkcert#357): the Windows user's store is one more store
// of the machine. Only the public root goes there, read from where it lies.

// wsl tells whether this is a Linux under Windows from which programs of Windows can be started. A container there has
// the same kernel, and no such programs.
func inWSL(e host.Env) bool {
	if e.GOOS != "linux" {
		return false
	}
	release, _ := os.ReadFile(e.InRoot("/proc/sys/kernel/osrelease"))
	named := e.Vars["WSL_DISTRO_NAME"] != "" || strings.Contains(strings.ToLower(string(release)), "microsoft")
	_, ok := windowsCertutil(e)
	return named && ok
}

// windowsTool returns the certutil of Windows, which is not that of NSS. Distributions may leave the PATH of Windows out
// of theirs.
func windowsCertutil(e host.Env) (string, bool) {
	if path, ok := e.Find("certutil.exe"); ok {
		return path, true
	}
	path := e.InRoot("/mnt/c/Windows/System32/certutil.exe")
	return path, host.Exists(path)
}

// windowsPath is how programs of Windows call a file of this Linux: \\wsl.localhost\Debian\home\…
func windowsPath(ctx context.Context, e host.Env, path string) (string, error) {
	out, err := e.Do(ctx, host.Command{Argv: []string{"wslpath", "-w", path}, As: e.Owner, Limit: host.LookLimit})
	return string(bytes.TrimSpace(out)), err
}
