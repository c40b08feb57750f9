package certs

import (
	"bytes"
	"context"
	"os"
	"strings"
)

// On WSL the programs run on Linux and the browser on Windows (mkcert#357): the Windows user's store is one more store
// of the machine. Only the public root goes there, read from where it lies.

// wsl tells whether this is a Linux under Windows from which programs of Windows can be started. A container there has
// the same kernel, and no such programs.
func (e Env) wsl() bool {
	if e.GOOS != "linux" {
		return false
	}
	release, _ := os.ReadFile(e.path("/proc/sys/kernel/osrelease"))
	named := e.Vars["WSL_DISTRO_NAME"] != "" || strings.Contains(strings.ToLower(string(release)), "microsoft")
	_, ok := e.windowsTool()
	return named && ok
}

// windowsTool returns the certutil of Windows, which is not that of NSS. Distributions may leave the PATH of Windows out
// of theirs.
func (e Env) windowsTool() (string, bool) {
	if path, ok := e.find("certutil.exe"); ok {
		return path, true
	}
	path := e.path("/mnt/c/Windows/System32/certutil.exe")
	return path, exists(path)
}

// windowsPath is how programs of Windows call a file of this Linux: \\wsl.localhost\Debian\home\…
func (e Env) windowsPath(ctx context.Context, path string) (string, error) {
	out, err := e.do(ctx, Command{Argv: []string{"wslpath", "-w", path}, As: e.Owner, Limit: lookLimit})
	return string(bytes.TrimSpace(out)), err
}
