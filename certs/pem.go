package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
)

func encodeCertificates(chain ...[]byte) []byte {
	var out []byte
	for _, der := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

func encodeKey(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func decodeCertificate(data []byte) (*x509.Certificate, error) {
	der, err := decodePEM(data, "CERTIFICATE")
	if err != nil {
		return nil, errors.New("it is not one certificate in PEM, and nothing else")
	}
	return x509.ParseCertificate(der)
}

func decodeKey(data []byte) (crypto.Signer, error) {
	der, err := decodePEM(data, "PRIVATE KEY")
	if err != nil {
		return nil, errors.New("it is not one private key in PEM (PKCS #8), and nothing else")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("it is a %T, which cannot sign", parsed)
	}
	return key, nil
}

// decodePEM accepts what this package writes, byte for byte.
func decodePEM(data []byte, kind string) ([]byte, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != kind || !bytes.Equal(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: block.Bytes}), data) {
		return nil, fmt.Errorf("it is not one %s in PEM", kind)
	}
	return block.Bytes, nil
}

// keyOf returns the key in PEM if it is the certificate's.
func keyOf(certificate *x509.Certificate, path string, data []byte) (crypto.Signer, error) {
	key, err := decodeKey(data)
	if err != nil {
		return nil, unusable(path, err)
	}
	if !IsKeyOf(certificate, key) {
		return nil, unusable(path, errors.New("it is not the key of the certificate next to it"))
	}
	return key, nil
}

// IsKeyOf reports whether a certificate is for a key.
func IsKeyOf(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

// firstBlock is what a reader that stops after one block sees, as it would stand alone.
func firstBlock(data []byte) []byte {
	if block, _ := pem.Decode(data); block != nil {
		return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})
	}
	return data
}

// SplitCertificate finds the end of a certificate by its outermost form (RFC 5280 section 4.1). Roots with a negative
// serial number or the like are for their clients to judge, so no more is asked of it than that.
func SplitCertificate(data []byte) (der, rest []byte, ok bool) {
	var outer struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(data, &outer)
	if err != nil {
		return nil, nil, false
	}
	return data[:len(data)-len(rest)], rest, true
}
