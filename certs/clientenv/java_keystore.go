package clientenv

import (
	"bytes"
	"encoding/pem"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/letta-dev/letta-dev/certs"
)

// jks is how Java's own format begins, with its version: the one of every JDK since 1.2. What follows is big-endian.
const jks = "\xfe\xed\xfe\xed\x00\x00\x00\x02"

// isKeystore tells Java's formats from PEM: PKCS #12 is a SEQUENCE with a length of several bytes, which no text begins with.
func isKeystore(data []byte) bool {
	return bytes.HasPrefix(data, []byte(jks)) || len(data) > 1 && data[0] == 0x30 && data[1] > 0x80
}

// keystoreRoots returns what a JVM trusts of a keystore, in either format that JVMs keep their roots in: JKS, until JDK 17
// and on Debian, and PKCS #12. JKS needs no password to be read; that of PKCS #12 is none, or the one of every JDK.
func keystoreRoots(data []byte) ([]*pem.Block, error) {
	if entries, ok := bytes.CutPrefix(data, []byte(jks)); ok {
		return jksRoots(entries)
	}
	trusted, err := pkcs12.DecodeTrustStore(data, "")
	if err != nil {
		trusted, err = pkcs12.DecodeTrustStore(data, pkcs12.DefaultPassword)
	}
	var roots []*pem.Block
	for _, c := range trusted {
		roots = append(roots, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return roots, err
}

// jksRoots reads the entries behind the version. The digest behind them needs a password, and is not looked at, as by a
// JVM that was told none.
func jksRoots(data []byte) ([]*pem.Block, error) {
	s := cryptobyte.String(data)
	var entries uint32
	if !s.ReadUint32(&entries) {
		return nil, errKeystore
	}
	var roots []*pem.Block
	for range entries {
		der, ok := jksEntry(&s)
		if !ok {
			return nil, errKeystore
		}
		if _, rest, ok := certs.SplitCertificate(der); ok && len(rest) == 0 {
			roots = append(roots, &pem.Block{Type: "CERTIFICATE", Bytes: der})
		}
	}
	return roots, nil
}

var errKeystore = errors.New("the keystore is damaged")

// jksEntry reads an entry: its kind, its name, when it was made, and then a certificate, or a key with the chain that
// belongs to it, whose first certificate a JVM trusts too.
func jksEntry(s *cryptobyte.String) (der []byte, ok bool) {
	const key, certificate = 1, 2
	var kind, chain uint32
	var name cryptobyte.String
	if !s.ReadUint32(&kind) || !s.ReadUint16LengthPrefixed(&name) || !s.Skip(8) {
		return nil, false
	}
	switch kind {
	case certificate:
		return jksCertificate(s)
	case key:
		if _, ok := jksBytes(s); !ok || !s.ReadUint32(&chain) {
			return nil, false
		}
	default:
		return nil, false
	}
	for i := range chain {
		next, ok := jksCertificate(s)
		if !ok {
			return nil, false
		}
		if i == 0 {
			der = next
		}
	}
	return der, true
}

func jksCertificate(s *cryptobyte.String) ([]byte, bool) {
	var format cryptobyte.String // "X.509"
	if !s.ReadUint16LengthPrefixed(&format) {
		return nil, false
	}
	return jksBytes(s)
}

func jksBytes(s *cryptobyte.String) (out []byte, ok bool) {
	var n uint32
	if !s.ReadUint32(&n) || uint64(n) > uint64(len(*s)) {
		return nil, false
	}
	ok = s.ReadBytes(&out, int(n))
	return out, ok
}
