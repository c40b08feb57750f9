package certs

import (
	"bytes"
	"crypto/x509"
	"path/filepath"
	"slices"
	"strings"

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
		at := bytes.Index(data[from:], []byte(organisation))
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
		if c := rootOfOurs(data[start:end]); c != nil {
			return c
		}
	}
	return nil
}

// parseKeytool finds the roots of ours, and those of mkcert's with a name of ours, in what keytool -list -rfc prints. Entries of other kinds, a key and its chain,
// are somebody's own, whatever they hold.
func parseKeytool(out []byte, root Root) []javaEntry {
	out = append([]byte("\n"), bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n"))...)
	var found []javaEntry
	for _, part := range bytes.Split(out, []byte("\nAlias name: "))[1:] {
		alias, rest, _ := bytes.Cut(part, []byte("\n"))
		head, _, _ := bytes.Cut(rest, []byte("-----BEGIN"))
		if !bytes.Contains(head, []byte("Entry type: trustedCertEntry\n")) {
			continue
		}
		present, certificates := root.sorted(rest)
		if c, err := x509.ParseCertificate(soleCertificate(rest)); err == nil && strings.HasPrefix(string(alias), borrowed) {
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
