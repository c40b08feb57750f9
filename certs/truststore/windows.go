package truststore

import (
	"bytes"
	"context"
	"crypto/sha1" // Windows names certificates so
	"encoding/hex"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// windowsStore is the user's store of trusted roots on Windows: Edge, Chrome, Firefox and the system's curl read it.
// Changing it needs no rights, but Windows asks in a window. What its certutil prints tells which roots are ours, not
// what is in them: a Status has no Stale.
type windowsStore struct {
	env host.Env
	wsl bool // Windows is around this Linux, not this system
}

func (w *windowsStore) Name() string { return "Windows" }

func (w *windowsStore) Status(ctx context.Context, root certs.Root) (Status, error) {
	status := Status{State: Absent, Known: ByTool, Where: `CurrentUser\Root`}
	ours, err := w.thumbprints(ctx, root)
	if err != nil {
		status.State = Unavailable
		return status, err
	}
	if slices.Contains(ours, thumbprint(root)) {
		status.State = Trusted
	}
	return status, nil
}

func (w *windowsStore) Commands(ctx context.Context, action Action, root certs.Root) ([]host.Command, error) {
	ours, err := w.thumbprints(ctx, root)
	switch {
	case err != nil:
		return nil, err
	case action == ToInstall && slices.Contains(ours, thumbprint(root)):
		return nil, nil
	case action == ToInstall:
		path := root.Path
		if w.wsl {
			if path, err = windowsPath(ctx, w.env, path); err != nil {
				return nil, err
			}
		}
		return []host.Command{w.change("-addstore", path)}, nil
	}
	var removals []host.Command
	for _, t := range ours {
		removals = append(removals, w.change("-delstore", t))
	}
	return removals, nil
}

func (w *windowsStore) Change(ctx context.Context, action Action, root certs.Root) error {
	return perform(ctx, w, w.env, action, root)
}

// change is a command that waits for the answer of a person.
func (w *windowsStore) change(verb, what string) host.Command {
	c := w.certutil(verb, "Root", what)
	c.Asks, c.Limit = true, host.SudoLimit
	return c
}

func (w *windowsStore) certutil(args ...string) host.Command {
	tool := "certutil.exe"
	if w.wsl {
		tool, _ = windowsCertutil(w.env)
	}
	return host.Command{Argv: append([]string{tool, "-user"}, args...), As: w.env.Owner, Limit: host.LookLimit}
}

// thumbprints lists the certificates of ours that are claimed. What certutil prints is translated into the user's language, but for
// names and numbers: a certificate of ours is a part between two rulers that holds our organisation.
func (w *windowsStore) thumbprints(ctx context.Context, root certs.Root) ([]string, error) {
	list := w.certutil("-store", "Root")
	out, err := w.env.Do(ctx, list)
	if err != nil {
		return nil, &host.Error{Doing: "read the trusted roots of Windows", Err: err, Advice: list.String()}
	}
	return parseThumbprints(out, root), nil
}

func parseThumbprints(out []byte, root certs.Root) []string {
	sum := regexp.MustCompile(`(?i)\(sha1\):\s*([0-9a-f]{40})\b`)
	var found []string
	for _, part := range bytes.Split(out, []byte("================")) {
		m := sum.FindSubmatch(part)
		if m == nil || !bytes.Contains(part, []byte("O="+certs.Organisation)) {
			continue
		}
		thumb, mark := string(bytes.ToLower(m[1])), root.ClaimMark()
		if mark == "" || thumb == thumbprint(root) || bytes.Contains(part, []byte("OU="+mark)) {
			found = append(found, thumb)
		}
	}
	return found
}

func thumbprint(root certs.Root) string {
	if root.Certificate == nil {
		return ""
	}
	sum := sha1.Sum(root.Certificate.Raw)
	return hex.EncodeToString(sum[:])
}

// prove asks Windows on Windows. From a Linux within it nobody of Windows can be sent here for sure.
func (w *windowsStore) prove(ctx context.Context, p *proof) (verdict, error) {
	if w.wsl {
		return verdict{}, errNoClient
	}
	return p.get(ctx, nil)
}

// On WSL the programs run on Linux and the browser on Windows (mkcert#357): the Windows user's store is one more store
// of the machine. Only the public root goes there, read from where it lies.

// inWSL tells whether this is a Linux under Windows from which programs of Windows can be started. A container there has
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

// windowsCertutil returns the certutil of Windows, which is not that of NSS. Distributions may leave the PATH of Windows out
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
