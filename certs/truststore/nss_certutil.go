package truststore

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// nssEntry is one certificate of an NSS database.
type nssEntry struct {
	nickname    string
	flags       string // "C,,": for TLS, S/MIME, code signing
	certificate *x509.Certificate
}

// trusted tells whether the entry is a trusted issuer of TLS servers.
func (e nssEntry) trusted() bool {
	forTLS, _, _ := strings.Cut(e.flags, ",")
	return strings.Contains(forTLS, "C")
}

// parseListing reads the table that certutil -L prints. A line is a nickname, padded, and the flags; the nickname may
// hold blanks, and even what looks like flags.
func parseListing(out []byte) []nssEntry {
	line := regexp.MustCompile(`^(.*\S)\s+([pPcCTuwg]*,[pPcCTuwg]*,[pPcCTuwg]*)\s*$`)
	var entries []nssEntry
	for text := range bytes.Lines(out) {
		if m := line.FindSubmatch(bytes.TrimRight(text, "\r\n")); m != nil {
			entries = append(entries, nssEntry{nickname: string(m[1]), flags: string(m[2])})
		}
	}
	return entries
}

// with returns the entry once for every certificate of ours in PEM: one nickname may stand for several.
func (e nssEntry) with(data []byte, root certs.Root) []nssEntry {
	present, certificates := root.Find(data)
	if present {
		certificates = append(slices.Clip(certificates), root.Certificate)
	}
	entries := make([]nssEntry, len(certificates))
	for i, c := range certificates {
		entries[i] = nssEntry{nickname: e.nickname, flags: e.flags, certificate: c}
	}
	return entries
}

// found returns the entries that are ours. Others are not even read, unless they are trusted: then they may be ours
// under a name a person gave them. That one of ours shows no trust says little: certutil 3.87 does not see the trust that
// Firefox 153 gives to what a policy brings.
func (s *nssStore) found(ctx context.Context, root certs.Root) ([]nssEntry, error) {
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
func (s *nssStore) identify(ctx context.Context, entry nssEntry, root certs.Root) ([]nssEntry, error) {
	lent := strings.HasPrefix(entry.nickname, certs.Borrowed)
	named := lent || strings.Contains(entry.nickname, certs.Organisation) // NSS itself names an entry after its subject
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
		if err != nil && !errors.Is(err, fs.ErrNotExist) || bytes.Contains(data, []byte(certs.Organisation)) || bytes.Contains(data, []byte(certs.Borrowed)) {
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
	return fmt.Sprintf("mv -i %s %s  # with the browser closed, which then makes another", host.Quote(database), host.Quote(database+".bak"))
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
