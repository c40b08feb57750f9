package certs

import (
	"bytes"
	"context"
	"crypto/sha1" // Windows names certificates so
	"encoding/hex"
	"regexp"
)

// windowsStore is the user's store of trusted roots on Windows: Edge, Chrome, Firefox and the system's curl read it.
// Adding to it needs no rights, but Windows asks in a window.
type windowsStore struct{ env Env }

func (w *windowsStore) Name() string { return "Windows" }

func (w *windowsStore) Status(ctx context.Context, root Root) (Status, error) {
	status := Status{State: Absent, Known: ByTool, Where: `CurrentUser\Root`}
	ours, err := w.thumbprints(ctx)
	if err != nil {
		status.State = Unavailable
		return status, err
	}
	for _, t := range ours {
		if t == thumbprint(root) {
			status.State = Trusted
		}
	}
	return status, nil
}

func (w *windowsStore) Commands(ctx context.Context, action Action, root Root) ([]Command, error) {
	ours, err := w.thumbprints(ctx)
	if err != nil {
		return nil, err
	}
	var removals []Command
	for _, t := range ours {
		if action == ToInstall && t == thumbprint(root) {
			return nil, nil
		}
		removals = append(removals, Command{Argv: []string{"certutil.exe", "-user", "-delstore", "Root", t}, Limit: sudoLimit})
	}
	if action == ToUninstall {
		return removals, nil
	}
	return []Command{{Argv: []string{"certutil.exe", "-user", "-addstore", "Root", root.Path}, Limit: sudoLimit}}, nil
}

func (w *windowsStore) Install(ctx context.Context, root Root) error {
	return perform(ctx, w, w.env, ToInstall, root)
}

func (w *windowsStore) Uninstall(ctx context.Context, root Root) error {
	return perform(ctx, w, w.env, ToUninstall, root)
}

// thumbprints lists the certificates of ours. What certutil prints is translated into the user's language, but for
// names and numbers: a certificate of ours is a part between two rulers that holds our organisation.
func (w *windowsStore) thumbprints(ctx context.Context) ([]string, error) {
	out, err := w.env.do(ctx, Command{Argv: []string{"certutil.exe", "-user", "-store", "Root"}})
	if err != nil {
		return nil, &Error{Doing: "read the trusted roots of Windows", Err: err}
	}
	return parseThumbprints(out), nil
}

func parseThumbprints(out []byte) []string {
	sum := regexp.MustCompile(`(?i)\(sha1\):\s*([0-9a-f]{40})\b`)
	var found []string
	for _, part := range bytes.Split(out, []byte("================")) {
		if m := sum.FindSubmatch(part); m != nil && bytes.Contains(part, []byte("O="+organisation)) {
			found = append(found, string(bytes.ToLower(m[1])))
		}
	}
	return found
}

func thumbprint(root Root) string {
	if root.Certificate == nil {
		return ""
	}
	sum := sha1.Sum(root.Certificate.Raw)
	return hex.EncodeToString(sum[:])
}
