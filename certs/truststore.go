package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

const trustStoreOption = "-Djavax.net.ssl.trustStore="

// java returns the options of java with one for a trust store. The launcher reads this variable and says so on standard
// error; JAVA_TOOL_OPTIONS would have every tool of the JDK say so too. A trust store that the user chose stays.
func (e *equipment) java() (string, error) {
	options := e.opts.Getenv("JDK_JAVA_OPTIONS")
	if _, ok := e.env.find("java"); !ok && e.opts.Getenv("JAVA_HOME") == "" {
		return "", nil
	}
	o, err := e.env.systemRoots()
	if err != nil {
		return "", err
	}
	option := quoteJava(trustStoreOption + filepath.Join(e.files.dir, o.name("roots-", ".p12")))
	if !strings.Contains(options, option) && strings.Contains(options+e.opts.Getenv("JAVA_TOOL_OPTIONS"), trustStoreOption) {
		return "", errors.New("the options of java name a trust store already")
	}
	if err := e.trustStore(o); err != nil {
		return "", err
	}
	if strings.Contains(options, option) {
		return options, nil
	}
	return strings.TrimLeft(options+" "+option, " "), nil
}

// trustStore keeps the roots of an origin and ours in a trust store beside their bundle.
func (e *equipment) trustStore(o origin) error {
	bundle, err := e.bundle(o)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(bundle)
	if err != nil {
		return err
	}
	store, err := encodeTrustStore(data)
	if err != nil {
		return err
	}
	_, err = e.files.keep(o.name("roots-", ".p12"), 0o644, store)
	return err
}

// encodeTrustStore returns a PKCS #12 trust store of the certificates in PEM. It has no password, as has the JDK's own
// since version 18: nothing in it is secret, java need not be told, and the same roots make the same bytes. Java keeps one
// certificate to a name, so they are named by their fingerprints.
func encodeTrustStore(bundle []byte) ([]byte, error) {
	var entries []pkcs12.TrustStoreEntry
	for _, block := range certificateBlocks(bundle) {
		if block.Type == "CERTIFICATE" {
			sum := sha256.Sum256(block.Bytes)
			entries = append(entries, pkcs12.TrustStoreEntry{
				Cert: &x509.Certificate{Raw: block.Bytes}, FriendlyName: hex.EncodeToString(sum[:])})
		}
	}
	return pkcs12.Passwordless.EncodeTrustStoreEntries(entries, "")
}

// quoteJava writes an option as java's launcher takes a variable apart: at white space that is not in quotes of either
// kind, without escapes.
func quoteJava(option string) string {
	if !strings.ContainsAny(option, " \t\n\v\f\r\"'") {
		return option
	}
	return `"` + strings.ReplaceAll(option, `"`, `"'"'"`) + `"`
}
