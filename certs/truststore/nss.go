package truststore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// nssStore is one NSS database: of Chromium and its kin, or of one Firefox profile. Its commands run as the user it
// belongs to, so that under sudo nothing of root's is left in it.
type nssStore struct {
	env      host.Env
	name     string
	dir      string
	browser  string   // one that reads it, if known; a proof may start it
	programs []string // the installed ones that read it and look for policies
}

func (s *nssStore) Name() string { return s.name }

func (s *nssStore) Status(ctx context.Context, root certs.Root) (Status, error) {
	status := Status{State: Absent, Known: ByTool, Where: s.dir}
	found, err := s.found(ctx, root)
	if err != nil {
		status.State = Unavailable
		return status, err
	}
	for _, entry := range found {
		switch {
		case !root.Is(entry.certificate):
			status.Stale = append(status.Stale, entry.certificate)
		case entry.trusted():
			status.State = Trusted
		case status.State != Trusted:
			status.State = Partial
		}
	}
	return status, nil
}

func (s *nssStore) Commands(ctx context.Context, action Action, root certs.Root) ([]host.Command, error) {
	found, err := s.found(ctx, root)
	if err != nil && action == ToUninstall && !s.mayHold() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if action == ToUninstall {
		var commands []host.Command
		for _, entry := range found {
			commands = append(commands, s.certutil("-D", "-n", entry.nickname))
		}
		return commands, nil
	}
	for _, entry := range found {
		if root.Is(entry.certificate) && entry.trusted() {
			return nil, nil
		}
	}
	add := s.certutil("-A", "-t", "C,,", "-n", root.Name()) // of one that is there already this changes the trust alone
	return append(s.creation(), reading(root, add)), nil
}

// creation returns what makes the database where there is none.
func (s *nssStore) creation() []host.Command {
	if s.made() {
		return nil
	}
	return []host.Command{
		{Argv: []string{"mkdir", "-p", "-m", "0700", s.dir}, As: s.env.Owner},
		s.certutil("-N", "--empty-password"),
	}
}

func (s *nssStore) Change(ctx context.Context, action Action, root certs.Root) error {
	return s.explain(perform(ctx, s, s.env, action, root), root)
}

// explain adds what certutil does not say: a database with a primary password takes no trust from a program.
func (s *nssStore) explain(err error, root certs.Root) error {
	var failed *host.CommandError
	if !errors.As(err, &failed) || !failed.TimedOut && !strings.Contains(failed.Output, "SEC_ERROR_BAD_PASSWORD") {
		return err
	}
	return &host.Error{Doing: "change the trust of " + s.name, Path: s.dir, Err: fmt.Errorf("it seems to have a primary password: %w", err),
		Advice: failed.Hint() + "  # which asks for the password where there is a terminal"}
}

// prove asks the browser that reads the database, if it may be started and decides; else tstclnt, the TLS client of the
// NSS tools, with the database; where that is not installed certutil says whether the root is a valid issuer of servers.
func (s *nssStore) prove(ctx context.Context, p *proof) (verdict, error) {
	if s.env.Browsers && s.browser != "" {
		if err := browse(ctx, s.env, p, s.browser); !errors.Is(err, errNoClient) {
			return verdict{filepath.Base(s.browser), ByHandshake}, err
		}
	}
	if !s.made() {
		return verdict{}, errNoClient // tstclnt cannot open it, and what Firefox makes of a profile without one is known
	}
	for _, name := range []string{"tstclnt", "/usr/lib64/nss/unsupported-tools/tstclnt"} { // the latter: Red Hat
		if client, ok := s.env.Find(name); ok {
			_, err := s.env.Do(ctx, host.Command{As: s.env.Owner, Limit: host.LookLimit, Argv: []string{
				client, "-4", "-Q", "-h", "127.0.0.1", "-a", proofHost, "-p", p.port, "-d", "sql:" + s.dir}})
			return verdict{"tstclnt", ByHandshake}, err
		}
	}
	v := verdict{"certutil", ByTool}
	found, err := s.found(ctx, p.root)
	for _, entry := range found {
		if p.root.Is(entry.certificate) {
			_, err := s.env.Do(ctx, s.certutil("-V", "-u", "L", "-n", entry.nickname))
			return v, err
		}
	}
	return v, errors.Join(err, errors.New("the root is not in the database"))
}
