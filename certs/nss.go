package certs

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

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

func (s *nssStore) Status(ctx context.Context, root Root) (Status, error) {
	status := Status{State: Absent, Known: ByTool, Where: s.dir}
	found, err := s.found(ctx, root)
	if err != nil {
		status.State = Unavailable
		return status, err
	}
	for _, entry := range found {
		switch {
		case !root.is(entry.certificate):
			status.Stale = append(status.Stale, entry.certificate)
		case entry.trusted():
			status.State = Trusted
		case status.State != Trusted:
			status.State = Partial
		}
	}
	return status, nil
}

func (s *nssStore) Commands(ctx context.Context, action Action, root Root) ([]host.Command, error) {
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
		if root.is(entry.certificate) && entry.trusted() {
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

func (s *nssStore) Change(ctx context.Context, action Action, root Root) error {
	return s.explain(perform(ctx, s, s.env, action, root), root)
}

// explain adds what certutil does not say: a database with a primary password takes no trust from a program.
func (s *nssStore) explain(err error, root Root) error {
	var failed *host.CommandError
	if !errors.As(err, &failed) || !failed.TimedOut && !strings.Contains(failed.Output, "SEC_ERROR_BAD_PASSWORD") {
		return err
	}
	return &host.Error{Doing: "change the trust of " + s.name, Path: s.dir, Err: fmt.Errorf("it seems to have a primary password: %w", err),
		Advice: failed.Hint() + "  # which asks for the password where there is a terminal"}
}

// found returns the entries that are ours. Others are not even read, unless they are trusted: then they may be ours
// under a name a person gave them. That one of ours shows no trust says little: certutil 3.87 does not see the trust that
// Firefox 153 gives to what a policy brings.
func (s *nssStore) found(ctx context.Context, root Root) ([]nssEntry, error) {
	if _, err := s.tool(); err != nil {
		return nil, err
	}
	if !s.made() {
		return nil, nil
	}
	list := s.certutil("-L")
	list.Limit = host.LookLimit
	listing, err := s.env.Do(ctx, list)
	failed := &host.Error{Doing: "read the certificates of " + s.name, Path: s.dir, Err: err}
	switch {
	case err != nil:
		failed.Advice = s.repair(err)
		return nil, failed
	case len(bytes.TrimSpace(listing)) == 0: // even of an empty database it prints a heading
		failed.Err, failed.Advice = errors.New("certutil printed nothing"), list.String()
		return nil, failed
	}
	var found []nssEntry
	for _, entry := range parseListing(listing) {
		ours, err := s.identify(ctx, entry, root)
		if err != nil {
			return nil, err
		}
		found = append(found, ours...)
	}
	return found, nil
}

// identify returns an entry once for every certificate of ours that it stands for.
func (s *nssStore) identify(ctx context.Context, entry nssEntry, root Root) ([]nssEntry, error) {
	lent := strings.HasPrefix(entry.nickname, borrowed)
	named := lent || strings.Contains(entry.nickname, organisation) // NSS itself names an entry after its subject
	switch {
	case root.Certificate != nil && entry.nickname == root.Name(): // the name holds the serial: it is no other's
		entry.certificate = root.Certificate
		return []nssEntry{entry}, nil
	case !named && !entry.trusted():
		return nil, nil
	}
	show := s.certutil("-L", "-a", "-n", entry.nickname)
	show.Limit = host.LookLimit
	out, err := s.env.Do(ctx, show)
	if err != nil && named { // trouble with another's is not ours
		return nil, &host.Error{Doing: fmt.Sprintf("read %q in %s", entry.nickname, s.name), Path: s.dir, Err: err, Advice: s.repair(err)}
	}
	if c, err := x509.ParseCertificate(soleCertificate(out)); lent && err == nil {
		entry.certificate = c
		return []nssEntry{entry}, nil
	}
	return entry.with(out, root), nil
}

// mayHold tells whether a root of ours can be in a database that certutil, or the lack of it, cannot tell about. Its files
// are searched for our name, which SQLite writes as it is and may leave there after a removal: what is wrong is then a
// yes, not a no.
func (s *nssStore) mayHold() bool {
	for _, name := range []string{"cert9.db", "cert9.db-wal"} {
		data, err := host.ReadBounded(filepath.Join(s.dir, name), host.MaxRoots)
		if err != nil && !errors.Is(err, fs.ErrNotExist) || bytes.Contains(data, []byte(organisation)) || bytes.Contains(data, []byte(borrowed)) {
			return true
		}
	}
	return false
}

// repair is what helps against a database that certutil cannot read: in the place of one that is put aside the browser
// makes another.
func (s *nssStore) repair(err error) string {
	database := filepath.Join(s.dir, "cert9.db")
	var failed *host.CommandError
	if _, err := host.ReadBounded(database, host.MaxRoots); errors.Is(err, fs.ErrPermission) {
		return host.Reclaim(s.dir)
	}
	if errors.As(err, &failed) && failed.TimedOut {
		return "fuser -v " + host.Quote(database) + "  # who uses it"
	}
	return fmt.Sprintf("mv %s %s  # with the browser closed, which then makes another", host.Quote(database), host.Quote(database+".bak"))
}

func (s *nssStore) made() bool { return host.Exists(filepath.Join(s.dir, "cert9.db")) }

func (s *nssStore) certutil(args ...string) host.Command {
	path, _ := s.tool() // Status has said so if it is missing
	return host.Command{Argv: slices.Concat([]string{path, "-d", "sql:" + s.dir}, args), As: s.env.Owner}
}

// tool returns the path of certutil.
func (s *nssStore) tool() (string, error) {
	if path, ok := s.env.Find("certutil"); ok {
		return path, nil
	}
	advice := "letta-dev certs install --policies"
	if l, ok := findLayout(s.env); ok {
		advice = "sudo " + l.installer + " " + l.nssTools + "  # or, as a policy of the browsers: " + advice
	}
	return "certutil", &host.Error{Doing: "look into " + s.name, Path: s.dir, Err: errors.New("certutil is not installed"), Advice: advice}
}
