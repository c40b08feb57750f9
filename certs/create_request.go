package certs

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// minRSABits is the least that Apple's systems and OpenSSL as Debian builds it accept.
const minRSABits = 2048

// CreateFromRequest writes the certificate that a certificate signing request (PKCS #10, in PEM) asks for. Subject and
// alternative names are the request's; without the latter its common name is the one name. The key stays where it is, so
// the certificate is the only file, named as [Authority.Create] does. Other wishes of the request are not granted, and
// to be an authority is refused.
func (a *Authority) CreateFromRequest(path string, opts CreateOptions) (Created, error) {
	data, err := host.ReadBounded(path, host.MaxPEM)
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	if err != nil {
		return Created{}, badRequest(path, err)
	}
	leaf, given, err := a.grant(data, opts.Client)
	if err != nil {
		return Created{}, badRequest(path, err)
	}
	opts.PKCS12, opts.P12File = false, ""
	opts = opts.called(fileName(given))
	made := Created{CertFile: opts.CertFile, Names: given, NotAfter: leaf.Leaf.NotAfter}
	files := []output{{opts.CertFile, 0o644, encodeCertificates(leaf.Certificate...)}}
	if err := a.reserved(files); err != nil {
		return Created{}, err
	}
	made.Replaced, err = writeAll(files, opts)
	return made, err
}

// grant signs what a request asks for, as far as it may be had.
func (a *Authority) grant(data []byte, client bool) (leaf *tls.Certificate, names Names, err error) {
	request, err := parseRequest(data)
	if err != nil {
		return nil, nil, err
	}
	given := subjects(request.DNSNames, request.EmailAddresses, request.IPAddresses, request.URIs)
	if len(given) == 0 && request.Subject.CommonName != "" {
		given = Names{request.Subject.CommonName}
	}
	if names, err = parseSubjects(given); err != nil {
		return nil, nil, err
	}
	template, err := a.fileTemplate(names, client)
	if err != nil {
		return nil, nil, err
	}
	template.RawSubject = request.RawSubject
	leaf, err = a.issueFor(request.PublicKey, template)
	return leaf, names, err
}

func parseRequest(data []byte) (*x509.CertificateRequest, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("it is not PEM")
	}
	if !strings.HasSuffix(block.Type, "CERTIFICATE REQUEST") { // old programs write NEW before it
		return nil, fmt.Errorf("it holds a %s, not a CERTIFICATE REQUEST", strings.ToLower(block.Type))
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("its signature is not by the key in it: %w", err)
	}
	return request, checkWishes(request)
}

// checkWishes refuses keys that no client accepts, and requests of somebody who wants to be an authority.
func checkWishes(request *x509.CertificateRequest) error {
	if key, ok := request.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < minRSABits {
		return fmt.Errorf("its key is RSA with %d bits, and clients want %d", key.N.BitLen(), minRSABits)
	}
	basicConstraints := asn1.ObjectIdentifier{2, 5, 29, 19}
	for _, extension := range request.Extensions {
		var constraints struct {
			IsCA bool `asn1:"optional"`
			Path int  `asn1:"optional"`
		}
		if !extension.Id.Equal(basicConstraints) {
			continue
		}
		if _, err := asn1.Unmarshal(extension.Value, &constraints); err != nil || constraints.IsCA {
			return errors.New("it asks for a certificate of an authority, which this one does not give")
		}
	}
	return nil
}

// badRequest names the file, and keeps the advice of what is wrong with it.
func badRequest(path string, err error) error {
	e := &host.Error{Doing: "use the certificate signing request", Path: path, Err: err, Advice: "openssl req -in " + host.Quote(path) + " -noout -verify -text"}
	if errors.Is(err, fs.ErrNotExist) {
		e.Advice = "ls -l " + host.Quote(filepath.Dir(path))
	}
	if inner := (*host.Error)(nil); errors.As(err, &inner) && inner.Advice != "" {
		e.Advice = inner.Advice
	}
	return e
}
