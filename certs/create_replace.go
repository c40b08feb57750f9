package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
	"software.sslmate.com/src/go-pkcs12"
)

// mkcertOrganisation is how the roots of mkcert call themselves.
const mkcertOrganisation = "mkcert development CA"

// replaceable returns which of the files exist, and an error if one of them is not for Create to replace: nobody's own
// key is lost to a typing mistake.
func replaceable(files []output, overwrite bool) (existing []string, err error) {
	for _, f := range files {
		if _, err := os.Stat(filepath.Dir(f.path)); err != nil {
			return nil, unwritable(f.path, err)
		}
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
	cert := files[len(files)-1].path
	certificate, known := developmentCertificate(cert)
	for _, path := range existing {
		switch {
		case !slices.Contains(existing, cert) && isKey(path):
			return nil, anotherKey(path, cert)
		case !known:
			return nil, kept(path, "the file exists and is not a development certificate's")
		case !belongs(path, certificate):
			return nil, kept(path, "the file exists and is not the key of the development certificate that would be replaced with it")
		}
	}
	return existing, nil
}

// reserved refuses what would have an authority lose a file of its own, or hold one of somebody else's: then nothing
// removes it any more. Links in the folders above change nothing; a link in the place of the file itself is what is replaced.
func (a *Authority) reserved(files []output) error {
	for _, f := range files {
		e := &host.Error{Doing: "write the certificate", Path: f.path, Advice: "letta-dev certs create --help"}
		if base := strings.ToLower(filepath.Base(f.path)); (base == strings.ToLower(rootFile) || base == strings.ToLower(rootKeyFile)) && host.Exists(f.path) {
			e.Err = errors.New("a file of this name is the root of an authority, or its key, and no certificate takes its place")
			return e
		}
		for _, dir := range []string{a.dir, filepath.Join(a.dir, leavesFolder)} {
			if sameFile(filepath.Dir(f.path), dir) {
				e.Err = errors.New("that folder is the authority's own")
				return e
			}
		}
	}
	if len(files) == 2 && filepath.Base(files[0].path) == filepath.Base(files[1].path) && sameFile(filepath.Dir(files[0].path), filepath.Dir(files[1].path)) {
		return &host.Error{Doing: "write the certificate", Path: files[1].path, Err: fmt.Errorf("it is the file %q of the key, by way of a link", files[0].path),
			Advice: "the same command with --key-file " + host.Quote(files[1].path) + ", to have both in it"}
	}
	return nil
}

// sameFile tells whether two paths lead to one file or folder.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// inTheWay refuses what no certificate can take the place of.
func inTheWay(path string, info fs.FileInfo, overwrite bool) error {
	e := &host.Error{Doing: "write the certificate", Path: path, Advice: "ls -ld " + host.Quote(path)}
	switch mode := info.Mode(); {
	case mode.IsRegular() || mode.Type() == fs.ModeSymlink && overwrite:
		return nil
	case mode.IsDir():
		e.Err = errors.New("a folder is in the way")
	case mode.Type() == fs.ModeSymlink:
		target, _ := os.Readlink(path)
		e.Err = fmt.Errorf("a symbolic link to %q is in the way: the link would be replaced, not that file", target)
		e.Advice = "rm " + host.Quote(path)
	default:
		e.Err = errors.New("something that is no file is in the way")
	}
	return e
}

func kept(path, reason string) error {
	return &host.Error{
		Doing:  "write the certificate",
		Path:   path,
		Err:    errors.New(reason),
		Advice: moveAway(path),
	}
}

// anotherKey says of a key that its certificate is not where the new one goes. Most often that was written under a name of
// its own, and the key beside it under the name that all keys for these hosts get.
func anotherKey(path, cert string) error {
	e := &host.Error{Doing: "write the certificate", Path: path,
		Err:    fmt.Errorf("the file exists and is the key of another certificate, or of none: %s is not there yet", cert),
		Advice: moveAway(path)}
	extension := filepath.Ext(cert)
	if beside := strings.TrimSuffix(cert, extension) + "-key" + extension; !host.Exists(beside) {
		e.Advice = "the same command with --key-file " + host.Quote(beside)
	}
	return e
}

// isKey tells whether a file holds a private key and nothing else.
func isKey(path string) bool {
	data, err := host.ReadBounded(path, host.MaxPEM)
	if err != nil {
		return false
	}
	chain, key, whole := parsePEM(data)
	return whole && len(chain) == 0 && key != nil
}

func moveAway(path string) string {
	return fmt.Sprintf("mv %s %s", host.Quote(path), host.Quote(path+".bak"))
}

// developmentCertificate returns the leaf in a file, PEM or PKCS #12, if its issuer is one of ours or mkcert's and nothing is
// in the file but it, its issuers and its key. Roots are none: mkcert's folder may be the one that somebody types by
// mistake.
func developmentCertificate(path string) (leaf *x509.Certificate, known bool) {
	data, err := host.ReadBounded(path, host.MaxPEM)
	if err != nil {
		return nil, false
	}
	chain, key, whole := parsePEM(data)
	if !whole {
		chain, key = parseP12(data)
	}
	if len(chain) == 0 || chain[0].IsCA || key != nil && !isFor(chain[0], key) || !isChain(chain) {
		return nil, false
	}
	return chain[0], isDevelopment(chain[0])
}

// belongs tells whether a file holds the certificate, or the key of it and nothing else.
func belongs(path string, certificate *x509.Certificate) bool {
	if held, ok := developmentCertificate(path); ok && held.Equal(certificate) {
		return true
	}
	data, err := host.ReadBounded(path, host.MaxPEM)
	if err != nil {
		return false
	}
	chain, key, whole := parsePEM(data)
	return whole && len(chain) == 0 && key != nil && isFor(certificate, key)
}

// parsePEM returns the certificates and the one key in a file that holds nothing else, not even a word between them.
func parsePEM(data []byte) (chain []*x509.Certificate, key crypto.Signer, whole bool) {
	var again []byte
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		again = append(again, pem.EncodeToMemory(block)...)
		switch {
		case block.Type == "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, false
			}
			chain = append(chain, c)
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && key == nil:
			if key = parseKey(block.Bytes); key == nil {
				return nil, nil, false
			}
		default:
			return nil, nil, false
		}
	}
	return chain, key, len(again) > 0 && slices.EqualFunc(bytes.Fields(again), bytes.Fields(data), bytes.Equal) // lines may end as on Windows
}

func parseP12(data []byte) ([]*x509.Certificate, crypto.Signer) {
	key, leaf, issuers, err := pkcs12.DecodeChain(data, pkcs12.DefaultPassword)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, nil
	}
	return append([]*x509.Certificate{leaf}, issuers...), signer
}

// isChain tells whether each certificate was signed by the next.
func isChain(chain []*x509.Certificate) bool {
	for i, parent := range chain[1:] {
		if !signed(parent, chain[i]) {
			return false
		}
	}
	return true
}
