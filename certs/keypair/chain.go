package keypair

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// arrange puts the certificate of a key first and behind it, each after the one it signed, those of its authorities, as
// RFC 8446 section 4.4.2 wants it; what is left comes last. It returns nil if none belongs to the key.
func arrange(all []*x509.Certificate, key crypto.Signer) []*x509.Certificate {
	i := slices.IndexFunc(all, func(c *x509.Certificate) bool { return certs.IsKeyOf(c, key) })
	if i < 0 {
		return nil
	}
	chain, rest := []*x509.Certificate{all[i]}, slices.Delete(slices.Clone(all), i, i+1)
	for {
		i := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return signed(c, chain[len(chain)-1]) })
		if i < 0 {
			return append(chain, rest...)
		}
		chain, rest = append(chain, rest[i]), slices.Delete(rest, i, i+1)
	}
}

// signed tells whether parent is the authority behind child.
func signed(parent, child *x509.Certificate) bool {
	return slices.Equal(parent.RawSubject, child.RawIssuer) && child.CheckSignatureFrom(parent) == nil
}

// SignedBy tells whether the root of the authority is behind the certificate in a file of a pair, by way of the others in that file: what
// is not in it no server presents.
func SignedBy(root certs.Root, certFile string, now time.Time) bool {
	file, err := readFile(certFile)
	if err != nil {
		return false
	}
	all, err := file.certificates()
	leaf := slices.IndexFunc(all, func(c *x509.Certificate) bool { return !c.IsCA })
	if err != nil || leaf < 0 {
		return false
	}
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	opts.Roots.AddCert(root.Certificate)
	for _, c := range all {
		opts.Intermediates.AddCert(c)
	}
	_, err = all[leaf].Verify(opts)
	return err == nil
}

// oddChain says what is wrong with a chain that some clients accept all the same: they find their own way to a root.
func oddChain(path string, file, chain []*x509.Certificate, now time.Time) (odd []*host.Error) {
	show := fmt.Sprintf("openssl crl2pkcs7 -nocrl -certfile %s | openssl pkcs7 -print_certs -noout", host.Quote(path))
	if !slices.Equal(file, chain) {
		odd = append(odd, oddity(path, show, "its certificates are out of order: the leaf comes first, then who signed it; they are served in that order"))
	}
	for i, c := range chain[1:] {
		if !slices.ContainsFunc(chain[:i+1], func(child *x509.Certificate) bool { return signed(c, child) }) {
			odd = append(odd, oddity(path, show, "its chain holds %q, which signed nothing before it; %q was signed by %q",
				c.Subject, chain[i].Subject, chain[i].Issuer))
		}
		if now.After(c.NotAfter) {
			odd = append(odd, oddity(path, show, "its chain holds %q, which ended on %s", c.Subject, moment(c.NotAfter)))
		}
	}
	return odd
}

// oddLeaf says which clients refuse a leaf that others accept.
func (p *Pair) oddLeaf(leaf *x509.Certificate) (odd []*host.Error) {
	another := p.issue(leaf, namesOf(leaf))
	if leaf.PublicKeyAlgorithm == x509.Ed25519 {
		odd = append(odd, oddity(p.certFile, another, "Chromium and Firefox refuse Ed25519 keys"))
	}
	if leaf.IsCA {
		odd = append(odd, oddity(p.certFile, another+"  # or make it with openssl req … -addext basicConstraints=CA:FALSE",
			"it calls itself an authority (CA:TRUE), and Firefox refuses such a server: MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY"))
	}
	if !signsHandshakes(leaf) {
		odd = append(odd, oddity(p.certFile, another, "its key usage lacks digitalSignature, and Chromium refuses it for that"))
	}
	return odd
}

func oddity(path, advice, format string, args ...any) *host.Error {
	return &host.Error{Doing: "serve the certificate", Path: path, Err: fmt.Errorf(format, args...), Advice: advice}
}
