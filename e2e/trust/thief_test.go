//go:build e2e && linux

package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// thief has an issuer's key, and the chain that leads from it to the trusted root.
type thief struct {
	key   any
	chain []*x509.Certificate // the issuer first
}

// steal reads the authority's folder, like whoever has got into the user's account.
func steal(t *testing.T, dir string) thief {
	t.Helper()
	issuer, err := x509.ParseCertificate(decode(t, filepath.Join(dir, "intermediate.pem")))
	must(t, err)
	key, err := x509.ParsePKCS8PrivateKey(decode(t, filepath.Join(dir, "intermediate-key.pem")))
	must(t, err)
	return thief{key, []*x509.Certificate{issuer}}
}

func decode(t *testing.T, file string) []byte {
	t.Helper()
	block, _ := pem.Decode(read(t, file))
	if block == nil {
		t.Fatalf("%s is not PEM", file)
	}
	return block.Bytes
}

// leaf signs for whatever names: crypto/x509 does not look at the issuer's constraints here.
func (th thief) leaf(t *testing.T, names ...string) *tls.Certificate {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{Organization: []string{"a thief"}}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return th.serve(t, template)
}

// commonName has the name where it stood before there were alternative ones, and where curl, wget, Node and Java still look for it.
func (th thief) commonName(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	return th.serve(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}})
}

func (th thief) serve(t *testing.T, template *x509.Certificate) *tls.Certificate {
	t.Helper()
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf, key := th.sign(t, template)
	made := &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, issuer := range th.chain {
		made.Certificate = append(made.Certificate, issuer.Raw)
	}
	return made
}

// intermediate makes the thief an authority of their own, without constraints, under the stolen one.
func (th thief) intermediate(t *testing.T) thief {
	t.Helper()
	issuer, key := th.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "a thief's own authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign})
	return thief{key, append([]*x509.Certificate{issuer}, th.chain...)}
}

func (th thief) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, th.chain[0], key.Public(), th.key)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return certificate, key
}
