package certs

import (
	"crypto/tls"
	"crypto/x509"

	"software.sslmate.com/src/go-pkcs12"
)

// encodeP12 packs a leaf with its key, its chain and the root, under the password that programs try by themselves,
// "changeit". The encryption is 3DES, the one kind that most programs read: OpenSSL 3 wants to be told -legacy for mkcert's
// RC2, and AES is for Java from 12 and Windows Server from 2019 on. It protects nothing, so the file is the owner's alone.
func encodeP12(leaf *tls.Certificate, root *x509.Certificate) ([]byte, error) {
	var chain []*x509.Certificate
	for _, der := range leaf.Certificate[1:] {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	return pkcs12.LegacyDES.Encode(leaf.PrivateKey, leaf.Leaf, append(chain, root), pkcs12.DefaultPassword)
}
