package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// Renew issues anew, due or not, every leaf that Keepers have on disk, and those for [DefaultNames]. A Keeper that runs,
// in this process or another, takes its own up within seconds. A leaf that is over goes: its Keeper has not run for long.
// So does one for names that the authority may not sign for, which another authority has left. The renewals are those
// that succeeded.
func (a *Authority) Renew() ([]Renewal, error) {
	if err := a.inForce(); err != nil {
		return nil, err
	}
	var renewed []Renewal
	err := a.owner.As(func() (err error) {
		renewed, err = a.renew()
		return err
	})
	return renewed, err
}

func (a *Authority) renew() (renewed []Renewal, err error) {
	all, err := a.leaves()
	for _, names := range all {
		leaf, issueErr := a.Issue(names)
		if issueErr == nil {
			issueErr = a.keep(leaf, names)
		}
		if issueErr != nil {
			err = errors.Join(err, issueErr)
			continue
		}
		renewed = append(renewed, Renewal{Names: names, NotAfter: leaf.Leaf.NotAfter, Reason: "it was asked for"})
	}
	return renewed, err
}

// leaves returns the names of the leaves to renew, those for DefaultNames first, and deletes the others. It returns them
// beside the error if that fails.
func (a *Authority) leaves() ([]Names, error) {
	all := []Names{DefaultNames().DNS(), DefaultNames().hostsFirst()}
	entries, err := os.ReadDir(filepath.Join(a.dir, leavesFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	for _, entry := range entries {
		path := filepath.Join(a.dir, leavesFolder, entry.Name())
		leaf, readErr := readLeaf(path)
		if readErr != nil {
			continue // its Keeper replaces it when it starts
		}
		switch names := carried(leaf); {
		case slices.ContainsFunc(all, names.equal):
		case leaf.NotAfter.Before(a.now()) || a.Check(names) != nil || path != a.leafPath(names):
			err = errors.Join(err, os.Remove(path))
		default:
			all = append(all, names)
		}
	}
	return all, err
}

// readLeaf returns the certificate in a leaf's file, whatever its key is worth.
func readLeaf(path string) (*x509.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("there is no PEM in it")
	}
	return x509.ParseCertificate(block.Bytes)
}

// leafPath is the file of the leaf for names. Leaves for other than the default names have files of their own, so that
// servers with hosts of their own, side by side on one authority, do not take each other's.
func (a *Authority) leafPath(names Names) string {
	base, standard := "dns", Names(DefaultNames().DNS())
	if len(names.IPs()) > 0 {
		base, standard = "all", DefaultNames().hostsFirst()
	}
	if !names.equal(standard) {
		sum := sha256.Sum256([]byte(strings.Join(names, " ")))
		base = fmt.Sprintf("%s-%s", base, hex.EncodeToString(sum[:4]))
	}
	return filepath.Join(a.dir, leavesFolder, base+".pem")
}

// keep writes a leaf's chain and key into one file, so that one rename replaces both.
func (a *Authority) keep(leaf *tls.Certificate, names Names) error {
	path := a.leafPath(names)
	key, err := encodeKey(leaf.PrivateKey)
	if err != nil {
		return err
	}
	return a.owner.As(func() error { return a.put(path, leaf, key) })
}

func (a *Authority) put(path string, leaf *tls.Certificate, key []byte) error {
	dir := filepath.Dir(path)
	f := host.File{Name: filepath.Base(path), Mode: 0o600, Data: append(encodeCertificates(leaf.Certificate...), key...), Cheap: true}
	err := host.MakeDir(dir, 0o700, a.owner)
	if err == nil {
		host.SweepStaged(dir, a.now().Add(-host.StagingLimit))
		err = f.Replace(dir, a.owner)
	}
	if err != nil {
		return &host.Error{Doing: "keep the leaf", Path: path, Err: err}
	}
	return nil
}

// carried returns the names that a leaf of a Keeper has, in the order of hostsFirst.
func carried(leaf *x509.Certificate) Names {
	return slices.Concat(leaf.DNSNames, addresses(leaf.IPAddresses))
}
