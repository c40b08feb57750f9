package keypair

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// load reads the two files and tells whether clients would accept what they hold.
func (p *Pair) load() (*served, error) {
	cert, err := readFile(p.certFile)
	if err != nil {
		return nil, err
	}
	key := cert
	if p.keyFile != p.certFile {
		if key, err = readFile(p.keyFile); err != nil {
			return nil, err
		}
	}
	all, err := cert.certificates()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, noCertificate(cert, key)
	}
	signer, err := key.key()
	if err != nil {
		return nil, err
	}
	chain := arrange(all, signer)
	if chain == nil {
		return nil, key.refuse(fmt.Errorf("it is not the key of the certificate in %s", p.certFile), sameKey(p.certFile, p.keyFile))
	}
	pair := &served{certificate: &tls.Certificate{PrivateKey: signer, Leaf: chain[0]}, names: namesOf(chain[0])}
	for _, c := range chain {
		pair.certificate.Certificate = append(pair.certificate.Certificate, c.Raw)
	}
	if err := p.check(pair); err != nil {
		return nil, err
	}
	pair.warnings = p.warnings(all, chain, key)
	return pair, nil
}

// warnings are what clients or other users could make of a pair.
func (p *Pair) warnings(file, chain []*x509.Certificate, key *pemFile) []*host.Error {
	all := append(oddChain(p.certFile, file, chain, p.now()), p.oddLeaf(chain[0])...)
	var exposed *host.Error
	if errors.As(host.CheckPrivate("keep the key to yourself", p.keyFile, key.info), &exposed) {
		all = append(all, exposed)
	}
	return all
}

// noCertificate says what is in the place of the certificate.
func noCertificate(cert, key *pemFile) error {
	swapped := slices.ContainsFunc(key.blocks, isCertificate)
	switch {
	case cert.keyBlock() != nil && swapped:
		return cert.refuse(errors.New("it holds the key, and the other file the certificate"),
			fmt.Sprintf("the same command with --cert %s --key %s", host.Quote(key.path), host.Quote(cert.path)))
	case cert.keyBlock() != nil:
		return cert.refuse(errors.New("it holds a private key and no certificate"), listPEM(cert.path))
	}
	return cert.refuse(fmt.Errorf("it holds no certificate, but a %s", strings.ToLower(cert.blocks[0].Type)), listPEM(cert.path))
}

// check refuses what no client would accept.
func (p *Pair) check(pair *served) error {
	leaf, now := pair.certificate.Leaf, p.now()
	refuse := func(advice, format string, args ...any) error {
		return refusePair(p.certFile, fmt.Errorf(format, args...), advice)
	}
	show := "openssl x509 -noout -text -in " + host.Quote(p.certFile)
	switch {
	case leaf.IsCA && !signsHandshakes(leaf):
		return refuse(p.issue(leaf, p.wanted()), "it is the certificate of an authority, which signs others and serves no site")
	case now.After(leaf.NotAfter):
		return refuse(p.renewal(leaf), "it ended on %s", moment(leaf.NotAfter))
	case now.Before(leaf.NotBefore):
		return refuse("date", "it begins on %s, but the clock says %s", moment(leaf.NotBefore), moment(now))
	case len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 && !servesTLS(leaf):
		return refuse(show, "it is not for servers: its extended key usage says what else it is for")
	case len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 && leaf.Subject.CommonName != "":
		return refuse(p.issue(leaf, p.wanted()), "it has no subject alternative names, only the common name %q, which browsers do not read", leaf.Subject.CommonName)
	case len(pair.names) == 0:
		return refuse(show, "it is for no name that a client could ask for")
	}
	if err := everyClient().SupportsCertificate(pair.certificate); err != nil {
		return refuse(show, "no client can use its kind of key: %w", err)
	}
	return p.checkHosts(leaf, pair.names)
}

// checkHosts requires that the names cover what is to be served.
func (p *Pair) checkHosts(leaf *x509.Certificate, names certs.Names) error {
	if len(p.hosts) == 0 {
		if names.Covers("localhost") || names.Covers("letta.localhost") {
			return nil
		}
		return refusePair(p.certFile, fmt.Errorf("it covers neither localhost nor letta.localhost, but %s", names),
			"the same command with --serve-host "+host.Quote(names[0]))
	}
	lacking := slices.DeleteFunc(slices.Clone(p.hosts), names.Covers)
	if len(lacking) == 0 {
		return nil
	}
	reason := fmt.Errorf("it does not cover %s: it is for %s only", strings.Join(lacking, ", "), strings.Join(names, " "))
	return refusePair(p.certFile, reason, p.issue(leaf, p.hosts))
}

// wanted is what a certificate for this server would be issued for.
func (p *Pair) wanted() certs.Names {
	if len(p.hosts) > 0 {
		return p.hosts
	}
	return certs.DefaultNames()
}

// namesOf returns the names of a leaf in the form of ParseNames, without those that no client would take.
func namesOf(leaf *x509.Certificate) certs.Names {
	var names certs.Names
	for _, raw := range leaf.DNSNames {
		if name, err := certs.ParseNames(raw); err == nil {
			names = append(names, name...)
		}
	}
	for _, ip := range leaf.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, addr.Unmap().String())
		}
	}
	return names
}

func servesTLS(c *x509.Certificate) bool {
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// everyClient is a handshake that offers all that clients of today have.
func everyClient() *tls.ClientHelloInfo {
	hello := &tls.ClientHelloInfo{
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		SupportedCurves:   []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		SupportedPoints:   []uint8{0}, // uncompressed
		SignatureSchemes: []tls.SignatureScheme{
			tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384, tls.ECDSAWithP521AndSHA512, tls.Ed25519,
			tls.PSSWithSHA256, tls.PSSWithSHA384, tls.PSSWithSHA512, tls.PKCS1WithSHA256,
		},
	}
	for _, suite := range tls.CipherSuites() {
		hello.CipherSuites = append(hello.CipherSuites, suite.ID)
	}
	return hello
}

// renewal is the command that replaces a certificate, as far as its issuer tells.
func (p *Pair) renewal(leaf *x509.Certificate) string {
	if isDevelopment(leaf) {
		return p.issue(leaf, namesOf(leaf))
	}
	return "openssl x509 -noout -subject -issuer -dates -in " + host.Quote(p.certFile)
}

// issue is the command that makes a certificate for names in place of the leaf: ours where everybody's authority may
// sign for them, else mkcert's. It replaces the two files where that loses nothing, and else leaves them alone.
func (p *Pair) issue(leaf *x509.Certificate, names certs.Names) string {
	const create = "letta-dev certs create --cert-file %s --key-file %s%s"
	const mkcert = "mkcert -cert-file %s -key-file %s%s"
	replaces := isDevelopment(leaf) && p.holdNothingBut(leaf)
	for _, name := range names {
		if !certs.AlwaysPermitted(name) {
			if !replaces {
				return "mkcert" + names.Args()
			}
			return fmt.Sprintf(mkcert, host.Quote(p.certFile), host.Quote(p.keyFile), names.Args())
		}
	}
	command := fmt.Sprintf(create, host.Quote(p.certFile), host.Quote(p.keyFile), names.Args())
	if replaces {
		command += " --overwrite"
	}
	return command
}

// holdNothingBut reports whether the two files hold a leaf, those that issued it, and one key. Whatever else stands in one of them
// would be lost with it; a development certificate can be had again.
func (p *Pair) holdNothingBut(leaf *x509.Certificate) bool {
	known, keys := []*x509.Certificate{leaf}, 0
	for _, path := range slices.Compact([]string{p.certFile, p.keyFile}) {
		f, err := readFile(path)
		if err != nil {
			return false
		}
		for _, block := range f.blocks {
			if strings.HasSuffix(block.Type, "PRIVATE KEY") {
				keys++
				continue
			}
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil || !c.Equal(leaf) && !slices.ContainsFunc(known, func(child *x509.Certificate) bool { return signed(c, child) }) {
				return false
			}
			known = append(known, c)
		}
	}
	return keys == 1
}

// mkcertOrganisation is the Organisation in the subjects of mkcert's roots.
const mkcertOrganisation = "mkcert development CA"

// isDevelopment tells a leaf of ours or mkcert's by its issuer.
func isDevelopment(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(leaf.Issuer.Organization, func(o string) bool { return o == certs.Organisation || o == mkcertOrganisation })
}

// signsHandshakes tells whether a key may do what a server's does (RFC 8446 section 4.4.2.2). That of an authority may
// not; a certificate that signs itself, as openssl makes them, says nothing of it.
func signsHandshakes(c *x509.Certificate) bool {
	return c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageDigitalSignature != 0
}

// sameKey is the command that shows the public keys of two files beside each other.
func sameKey(cert, key string) string {
	return fmt.Sprintf("openssl x509 -noout -pubkey -in %s; openssl pkey -pubout -in %s", host.Quote(cert), host.Quote(key))
}

func isCertificate(b *pem.Block) bool { return b.Type == "CERTIFICATE" }

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
