package truststore

import (
	"context"
	"crypto/sha1" // the security tool names certificates so
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

const systemKeychain = "/Library/Keychains/System.keychain"

// keychain is the trust store of macOS: Safari, Chrome, Firefox and curl read it. It is the system's keychain, as
// mkcert's. Since macOS 11 changes of trust are confirmed in a window, by root too, and wait or fail where there is
// none (mkcert#415).
type keychain struct{ env host.Env }

func (k *keychain) Name() string { return "macOS keychain" }

func (k *keychain) Status(ctx context.Context, root certs.Root) (Status, error) {
	status := Status{State: Absent, Known: ByTool, Where: systemKeychain}
	present, others, err := k.found(ctx, root)
	if err != nil {
		status.State = Unavailable
		return status, err
	}
	status.Stale, status.Other = root.Divide(others)
	if present {
		status.State = Partial
		verify := host.Command{Argv: []string{"/usr/bin/security", "verify-cert", "-q", "-L", "-l", "-p", "ssl", "-c", root.Path}, Limit: host.LookLimit}
		if _, err := k.env.Do(ctx, verify); err == nil {
			status.State = Trusted
		}
	}
	return status, nil
}

// found lists the certificates of ours in the keychain.
func (k *keychain) found(ctx context.Context, root certs.Root) (present bool, others []*x509.Certificate, err error) {
	list := host.Command{Argv: []string{"/usr/bin/security", "find-certificate", "-a", "-p", systemKeychain}, Limit: host.LookLimit}
	out, err := k.env.Do(ctx, list)
	if err != nil {
		return false, nil, &host.Error{Doing: "read the keychain", Path: systemKeychain, Err: err, Advice: list.String()}
	}
	present, others = root.Find(out)
	return present, others, nil
}

func (k *keychain) Commands(ctx context.Context, action Action, root certs.Root) ([]host.Command, error) {
	status, err := k.Status(ctx, root)
	if err != nil {
		return nil, err
	}
	if action == ToInstall {
		if status.State == Trusted {
			return nil, nil
		}
		return []host.Command{{Asks: true, NeedsRoot: k.env.LacksRoot(), Argv: []string{"/usr/bin/security", "add-trusted-cert", "-d", "-r", "trustRoot",
			"-p", "ssl", "-p", "basic", "-k", systemKeychain, root.Path}}}, nil
	}
	doomed := slices.Clone(status.Stale)
	if status.State != Absent {
		doomed = append(doomed, root.Certificate)
	}
	var commands []host.Command
	for _, c := range doomed {
		sum := sha1.Sum(c.Raw)
		commands = append(commands, host.Command{Asks: true, NeedsRoot: k.env.LacksRoot(), Argv: []string{"/usr/bin/security", "delete-certificate",
			"-t", "-Z", strings.ToUpper(hex.EncodeToString(sum[:])), systemKeychain}}) // -t: its trust settings too
	}
	return commands, nil
}

func (k *keychain) Change(ctx context.Context, action Action, root certs.Root) error {
	return perform(ctx, k, k.env, action, root)
}

func (k *keychain) prove(ctx context.Context, p *proof) (verdict, error) { return p.get(ctx, nil) }
