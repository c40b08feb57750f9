package keypair

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// maxChain bounds the certificates of a file.
const maxChain = 32

// A pemFile is one of the two files of a Pair, read.
type pemFile struct {
	path   string
	info   fs.FileInfo
	blocks []*pem.Block
}

// readFile reads a file of PEM blocks. Pipes and devices are none: they could not be read again when they
// change.
func readFile(path string) (*pemFile, error) {
	data, info, err := host.ReadOpened(path, host.MaxPEM)
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err // it has the path again
	}
	if err != nil {
		return nil, refusePair(path, err, "ls -ld "+host.Quote(path)+" "+host.Quote(filepath.Dir(path)))
	}
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, refusePair(path, err, listPEM(path))
	}
	if len(blocks) == 0 {
		return nil, notPEM(path, data)
	}
	return &pemFile{path, info, blocks}, nil
}

// pemBlocks returns the blocks of a file. Unlike pem.Decode it passes over none that is damaged.
func pemBlocks(data []byte) ([]*pem.Block, error) {
	begin := []byte("-----BEGIN ")
	var blocks []*pem.Block
	for rest := data; ; {
		at := bytes.Index(rest, begin)
		if at < 0 {
			return blocks, nil
		}
		rest = rest[at:]
		block, after := pem.Decode(rest)
		if block == nil || bytes.Count(rest[:len(rest)-len(after)], begin) != 1 {
			line := 1 + bytes.Count(data[:len(data)-len(rest)], []byte("\n"))
			return nil, fmt.Errorf("its PEM is broken: what begins in line %d has no proper end", line)
		}
		blocks, rest = append(blocks, block), after
	}
}

// notPEM says what a file without PEM is instead, with the command that converts it.
func notPEM(path string, data []byte) error {
	in, out := host.Quote(path), host.Quote(path+".pem")
	if _, err := x509.ParseCertificate(data); err == nil {
		return refusePair(path, errors.New("it is DER, not PEM"), fmt.Sprintf("openssl x509 -inform der -in %s -out %s", in, out))
	}
	switch {
	case len(data) == 0:
		return refusePair(path, errors.New("it is empty"), "ls -l "+in)
	case strings.HasSuffix(path, ".p12"), strings.HasSuffix(path, ".pfx"):
		return refusePair(path, errors.New("it is PKCS #12, not PEM"), fmt.Sprintf("(umask 077 && openssl pkcs12 -noenc -in %s -out %s)", in, out))
	}
	return refusePair(path, errors.New("there is no PEM in it"), "file "+in)
}

// certificates returns the certificates of a file in its order.
func (f *pemFile) certificates() ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, block := range f.blocks {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, f.refuse(err, "openssl x509 -noout -text -in "+host.Quote(f.path))
		}
		all = append(all, c)
	}
	if len(all) > maxChain {
		return nil, f.refuse(fmt.Errorf("it holds %d certificates: it is a collection of authorities, not a chain", len(all)), listPEM(f.path))
	}
	return all, nil
}

// keyBlock returns the first private key of a file; nil if there is none.
func (f *pemFile) keyBlock() *pem.Block {
	for _, block := range f.blocks {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
	}
	return nil
}

// key reads a private key. Its errors say nothing of what the parsers met: no part of a key shall reach a log.
func (f *pemFile) key() (crypto.Signer, error) {
	block := f.keyBlock()
	switch {
	case block == nil:
		return nil, f.refuse(fmt.Errorf("it holds no private key, but a %s", strings.ToLower(f.blocks[0].Type)), listPEM(f.path))
	case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, f.refuse(errors.New("the key is encrypted, and a server that restarts by itself cannot ask for its password"),
			fmt.Sprintf("(umask 077 && openssl pkey -in %s -out %s)", host.Quote(f.path), host.Quote(f.path+".plain")))
	}
	if signer := parseKey(block.Bytes); signer != nil {
		return signer, nil
	}
	return nil, f.refuse(errors.New("it holds no RSA, ECDSA or Ed25519 key that can be read"), "openssl pkey -noout -in "+host.Quote(f.path))
}

func parseKey(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	return nil
}

func (f *pemFile) refuse(err error, advice string) error { return refusePair(f.path, err, advice) }

func refusePair(path string, err error, advice string) *host.Error {
	return &host.Error{Doing: "use the certificate and its key", Path: path, Err: err, Advice: advice}
}

// listPEM is the command that shows what a file holds, and nothing of a key.
func listPEM(path string) string { return "grep -n -e ----- " + host.Quote(path) }
