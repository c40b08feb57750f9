package clientenv

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/letta-dev/letta-dev/certs/truststore"
)

const trustStoreOption = "-Djavax.net.ssl.trustStore="

// java returns the options of java with one for a trust store. The launcher reads this variable and says so on standard
// error; JAVA_TOOL_OPTIONS would have every tool of the JDK say so too. A trust store that the user chose stays, one of
// ours gives way: it may have been made from the roots of another JVM.
func (e *builder) java() (string, error) {
	o, err := e.javaRoots()
	if err != nil || o == nil {
		return "", err
	}
	options := e.opts.Getenv("JDK_JAVA_OPTIONS")
	option := quoteJava(trustStoreOption + filepath.Join(e.files.dir, o.name("roots-", ".p12")))
	ours := regexp.MustCompile(strings.Replace(regexp.QuoteMeta(option), o.name("", ""), "[0-9a-f]{16}", 1))
	for _, name := range []string{"JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"} {
		if strings.Contains(ours.ReplaceAllString(e.opts.Getenv(name), ""), trustStoreOption) {
			return "", &setError{name, "names a trust store already"}
		}
	}
	if err := e.trustStore(o); err != nil {
		return "", err
	}
	if ours.MatchString(options) {
		return ours.ReplaceAllLiteralString(options, option), nil
	}
	return strings.TrimLeft(options+" "+option, " "), nil
}

// javaRoots is the file of roots of the JVM that programs find by JAVA_HOME, and of the one in PATH; where that is only a
// way to a JVM, as on macOS or with a version manager, those of all JVMs. No source means that there is no Java here.
func (e *builder) javaRoots() (bundleSource, error) {
	var o bundleSource
	add := func(file string) {
		if !slices.Contains(o, file) {
			o = append(o, file)
		}
	}
	if home := e.opts.Getenv("JAVA_HOME"); home != "" {
		file, ok := truststore.JVMRoots(home)
		if !ok || !filepath.IsAbs(home) {
			return nil, &setError{"JAVA_HOME", fmt.Sprintf("is %q, where no JVM keeps its roots", home)}
		}
		add(file)
	}
	path, ok := e.env.Find("java")
	if !ok {
		return o, nil
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		if file, ok := truststore.JVMRoots(filepath.Dir(filepath.Dir(real))); ok {
			add(file)
		}
	}
	if o != nil {
		return o, nil
	}
	for _, file := range truststore.JVMRootFiles(e.env) {
		add(file)
	}
	if o == nil {
		return nil, fmt.Errorf("the roots of %s are in no place where JVMs keep them", path)
	}
	return o, nil
}

// trustStore keeps the roots of a source and ours in a trust store beside their bundle.
func (e *builder) trustStore(o bundleSource) error {
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
