package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"software.sslmate.com/src/go-pkcs12"
)

// mkcertOrganisation is how the roots of mkcert call themselves.
const mkcertOrganisation = "mkcert development CA"

// replaceable returns which of the files exist, and an error if one of them is not for Create to replace: nobody's own
// key is lost to a typing mistake.
func replaceable(files []output, overwrite bool) (existing []string, err error) {
	for _, f := range files {
		info, err := os.Lstat(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, unwritable(f.path, err)
		}
		if err := inTheWay(f.path, info, overwrite); err != nil {
			return nil, err
		}
		existing = append(existing, f.path)
	}
	if overwrite || len(existing) == 0 {
		return existing, nil
	}
	certificate, known := developmentCertificate(files[len(files)-1].path)
	for _, path := range existing {
		switch {
		case !known:
			return nil, kept(path, "the file exists and is not a development certificate's")
		case !belongs(path, certificate):
			return nil, kept(path, "the file exists and is not the key of the development certificate that would be replaced with it")
		}
	}
	return existing, nil
}

// inTheWay refuses what no certificate can take the place of.
func inTheWay(path string, info fs.FileInfo, overwrite bool) error {
	e := &Error{Doing: "write the certificate", Path: path, Advice: "ls -ld " + quote(path)}
	switch mode := info.Mode(); {
	case mode.IsRegular() || mode.Type() == fs.ModeSymlink && overwrite:
		return nil
	case mode.IsDir():
		e.Err = errors.New("a folder is in the way")
	case mode.Type() == fs.ModeSymlink:
		target, _ := os.Readlink(path)
		e.Err = fmt.Errorf("a symbolic link to %q is in the way: the link would be replaced, not that file", target)
		e.Advice = "rm " + quote(path)
	default:
		e.Err = errors.New("something that is no file is in the way")
	}
	return e
}

func kept(path, reason string) error {
	return &Error{
		Doing:  "write the certificate",
		Path:   path,
		Err:    errors.New(reason),
		Advice: fmt.Sprintf("mv %s %s", quote(path), quote(path+".bak")),
	}
}

// developmentCertificate returns the leaf in a file, PEM or PKCS #12, and tells by its issuer whether it is one of ours
// or mkcert's. Roots are not: mkcert's folder may be the one that somebody types by mistake.
func developmentCertificate(path string) (leaf *x509.Certificate, known bool) {
	data, err := readBounded(path, maxPEM)
	if err != nil {
		return nil, false
	}
	if block, _ := pem.Decode(data); block != nil && block.Type == "CERTIFICATE" {
		leaf, _ = x509.ParseCertificate(block.Bytes)
	} else if block == nil {
		_, leaf, _, _ = pkcs12.DecodeChain(data, pkcs12.DefaultPassword)
	}
	return leaf, leaf != nil && !leaf.IsCA && slices.ContainsFunc(leaf.Issuer.Organization, func(o string) bool {
		return o == organisation || o == mkcertOrganisation
	})
}

// belongs tells whether a file holds the certificate, or the key of it and nobody else's.
func belongs(path string, certificate *x509.Certificate) bool {
	if held, ok := developmentCertificate(path); ok && held.Equal(certificate) {
		return true
	}
	data, err := readBounded(path, maxPEM)
	if err == nil {
		_, err = tls.X509KeyPair(encodeCertificates(certificate.Raw), data)
	}
	return err == nil
}
