package certs

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// Load returns the authority in dir, and makes nothing. The error wraps [fs.ErrNotExist] if dir is absent or empty, and
// else is an [*host.Error] that says what is wrong with which file, and what to type. Of the options it minds the clock and
// the owner.
func Load(dir string, opts Options) (*Authority, error) {
	opts = opts.withDefaults()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var a *Authority
	err = opts.Owner.As(func() (err error) {
		a, err = load(dir, opts)
		return err
	})
	return a, err
}

func load(dir string, opts Options) (*Authority, error) {
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	empty, err := isEmpty(dir)
	if err != nil {
		return nil, incomplete(dir, err)
	}
	if empty {
		return nil, &host.Error{Doing: "read the authority", Path: dir, Err: fs.ErrNotExist, Advice: "letta-dev certs install"}
	}
	if host.Exists(filepath.Join(dir, carootFile)) {
		return loadReference(dir, opts)
	}
	return loadOwn(dir, opts)
}

func loadOwn(dir string, opts Options) (*Authority, error) {
	root, err := loadCertificate(filepath.Join(dir, rootFile))
	if err != nil {
		return nil, err
	}
	issuer, err := loadCertificate(filepath.Join(dir, intermediateFile))
	if err != nil {
		return nil, err
	}
	key, err := loadKey(filepath.Join(dir, intermediateKeyFile), issuer)
	if err != nil {
		return nil, err
	}
	a := &Authority{dir: dir, owner: opts.Owner, now: opts.Now, root: root, issuer: issuer, key: key}
	if err := a.check(); err != nil {
		return nil, err
	}
	return a, nil
}

// checkFolder refuses a folder in which others could put files of theirs.
func checkFolder(dir string) error {
	info, err := ownFolder(dir)
	if err != nil || info == nil {
		return err
	}
	return host.CheckUnshared("use the authority", dir, info)
}

// ownFolder tells about dir, nil if it is absent, and refuses a link or a file in its place: what is made and removed in
// one step is the folder itself, and not what a link leads to.
func ownFolder(dir string) (fs.FileInfo, error) {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, incomplete(dir, err)
	case !info.IsDir():
		return nil, &host.Error{Doing: "use the authority", Path: dir, Err: fmt.Errorf("it is %s where its folder has to be", host.Describe(info)),
			Advice: fmt.Sprintf("mv -i %s %s", host.Quote(dir), host.Quote(dir+".bak"))}
	}
	return info, nil
}

// check tells whether the two certificates belong together, bind the key to this machine, and are in force.
func (a *Authority) check() error {
	for _, c := range []struct {
		name        string
		certificate *x509.Certificate
	}{{rootFile, a.root}, {intermediateFile, a.issuer}} {
		if err := checkConstraints(c.certificate); err != nil {
			return unusable(filepath.Join(a.dir, c.name), err)
		}
	}
	issuer := filepath.Join(a.dir, intermediateFile)
	if !slices.Equal(a.root.PermittedDNSDomains, a.issuer.PermittedDNSDomains) {
		return unusable(issuer, errors.New("its name constraints are not those of the root next to it"))
	}
	if err := a.issuer.CheckSignatureFrom(a.root); err != nil {
		return unusable(issuer, fmt.Errorf("not signed by the root next to it: %w", err))
	}
	return a.inForce()
}

// inForce tells whether what the authority signs now can be accepted by anyone.
func (a *Authority) inForce() error {
	now := a.now()
	switch {
	case now.After(a.NotAfter()):
		return &host.Error{Doing: "use the authority", Path: filepath.Dir(a.Root().Path), Advice: a.RemakeCommand(),
			Err: fmt.Errorf("the authority ended on %s", a.NotAfter().Local().Format(time.DateOnly))}
	case now.Before(a.notBefore()):
		return &host.Error{Doing: "use the authority", Path: filepath.Dir(a.Root().Path),
			Err:    fmt.Errorf("it begins at %s, but the clock says %s", a.notBefore().Format(time.DateTime), now.UTC().Format(time.DateTime)),
			Advice: "date"}
	}
	return nil
}

func loadCertificate(path string) (*x509.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, incomplete(path, err)
	}
	certificate, err := decodeCertificate(data)
	if err != nil {
		return nil, unusable(path, err)
	}
	return certificate, nil
}

func loadKey(path string, certificate *x509.Certificate) (crypto.Signer, error) {
	data, err := readPrivate(path)
	if err != nil {
		return nil, incomplete(path, err)
	}
	return keyOf(certificate, path, data)
}

func unusable(path string, err error) error {
	return &host.Error{Doing: "use the authority", Path: path, Err: err, Advice: remake}
}

// incomplete hides that a file is absent from callers who would take that for an absent authority.
func incomplete(path string, err error) error {
	var told *host.Error
	if errors.As(err, &told) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return unusable(path, errors.New("the file is missing"))
	}
	failed := &host.Error{Doing: "read the authority", Path: path, Err: err}
	if errors.Is(err, fs.ErrPermission) {
		failed.Advice = host.Reclaim(path)
	}
	return failed
}
