package truststore

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

const maxRoot = 4096 // bytes; ours have 700

// javaEntry is a root of ours in a file of Java's.
type javaEntry struct {
	alias       string
	certificate *x509.Certificate
}

// keytool is a call of the tool. Since JDK 9, the first with a file lib/modules, it finds the file by itself; told its
// path it works, and grumbles. The password is the one that every JDK comes with; the file holds no secrets.
func (j *javaStore) keytool(args ...string) host.Command {
	argv := append([]string{filepath.Join(j.home, "bin", "keytool"), "-J-Duser.language=en"}, args...)
	if host.Exists(filepath.Join(j.home, "lib", "modules")) && filepath.Base(j.file) == "cacerts" {
		argv = append(argv, "-cacerts")
	} else {
		argv = append(argv, "-keystore", j.file)
	}
	return host.Command{Argv: append(argv, "-storepass", "changeit"), As: j.env.OwnerOf(j.file)}
}

// ourCertificates finds the roots of ours in a file of Java's, each once. They stand in it as they are, in the format JKS
// as in PKCS #12 without a password, between things that do not matter here.
func ourCertificates(data []byte) []*x509.Certificate {
	var found []*x509.Certificate
	for from := 0; ; {
		at := bytes.Index(data[from:], []byte(certs.Organisation))
		if at < 0 {
			return found
		}
		from += at + 1
		c := certificateAround(data, from)
		if c != nil && !slices.ContainsFunc(found, c.Equal) {
			found = append(found, c)
		}
	}
}

// certificateAround returns the root of ours that a place in data belongs to, if there is one: a SEQUENCE with a length of
// two bytes, as those of all certificates (X.690 section 8.1.3.5).
func certificateAround(data []byte, place int) *x509.Certificate {
	for start := place; start >= max(0, place-maxRoot); start-- {
		if !bytes.HasPrefix(data[start:], []byte{0x30, 0x82}) || len(data) < start+4 {
			continue
		}
		end := start + 4 + int(data[start+2])<<8 + int(data[start+3])
		if end < place || end > len(data) {
			continue
		}
		if c := certs.ParseOurs(data[start:end]); c != nil {
			return c
		}
	}
	return nil
}

// parseKeytool finds the roots of ours, and those of mkcert's with a name of ours, in what keytool -list -rfc prints. Entries of other kinds, a key and its chain,
// are somebody's own, whatever they hold.
func parseKeytool(out []byte, root certs.Root) []javaEntry {
	out = append([]byte("\n"), bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n"))...)
	var found []javaEntry
	for _, part := range bytes.Split(out, []byte("\nAlias name: "))[1:] {
		alias, rest, _ := bytes.Cut(part, []byte("\n"))
		head, _, _ := bytes.Cut(rest, []byte("-----BEGIN"))
		if !bytes.Contains(head, []byte("Entry type: trustedCertEntry\n")) {
			continue
		}
		present, certificates := root.Find(rest)
		if c, err := x509.ParseCertificate(soleCertificate(rest)); err == nil && strings.HasPrefix(string(alias), certs.Borrowed) {
			present, certificates = false, []*x509.Certificate{c}
		}
		if present {
			certificates = append(certificates, root.Certificate)
		}
		for _, c := range certificates {
			found = append(found, javaEntry{alias: string(alias), certificate: c})
		}
	}
	return found
}

// found lists the entries of ours, with the names they have in the file.
func (j *javaStore) found(ctx context.Context, root certs.Root) ([]javaEntry, error) {
	if err := j.installed(); err != nil {
		return nil, err
	}
	list := j.keytool("-list", "-rfc")
	list.As, list.Limit = j.env.Owner, host.LookLimit
	text, err := j.env.Do(ctx, list)
	if err != nil {
		return nil, j.failure(err, j.byHand(root))
	}
	return parseKeytool(text, root), nil
}

// byHand is what deletes an entry of ours from a file whose password is not the usual one.
func (j *javaStore) byHand(root certs.Root) string {
	data, _ := host.ReadBounded(j.file, host.MaxRoots) // Status has read it
	for _, c := range ourCertificates(data) {
		if j.claim(root).Claims(c) {
			remove := j.keytool("-delete")
			remove.Argv = append(slices.DeleteFunc(remove.Argv, func(arg string) bool { return arg == "-storepass" || arg == "changeit" }), "-alias", certs.Root{Certificate: c}.Name())
			return remove.String() + "  # asks for the password"
		}
	}
	return "ls -lL " + host.Quote(j.file)
}

func (j *javaStore) installed() error {
	tool := j.keytool().Argv[0]
	if _, ok := j.env.Find(tool); ok {
		return nil
	}
	return j.failure(fmt.Errorf("%s is missing", tool), "TRUST_STORES=system,nss letta-dev certs install")
}
