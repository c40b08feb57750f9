package certs

import (
	"bytes"
	"crypto/x509"
	"path/filepath"
)

// javaEntry is a root of ours in a file of Java's.
type javaEntry struct {
	alias       string
	certificate *x509.Certificate
}

// keytool is a call of the tool. Since JDK 9, the first with a file lib/modules, it finds the file by itself; told its
// path it works, and grumbles. The password is the one that every JDK comes with; the file holds no secrets.
func (j *javaStore) keytool(args ...string) Command {
	argv := append([]string{filepath.Join(j.home, "bin", "keytool"), "-J-Duser.language=en"}, args...)
	if exists(filepath.Join(j.home, "lib", "modules")) && filepath.Base(j.file) == "cacerts" {
		argv = append(argv, "-cacerts")
	} else {
		argv = append(argv, "-keystore", j.file)
	}
	return Command{Argv: append(argv, "-storepass", "changeit"), As: j.env.OwnerOf(j.file)}
}

// parseKeytool finds the roots of ours in what keytool -list -rfc prints. Entries of other kinds, a key and its chain,
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
		if present {
			certificates = append(certificates, root.Certificate)
		}
		for _, c := range certificates {
			found = append(found, javaEntry{alias: string(alias), certificate: c})
		}
	}
	return found
}
