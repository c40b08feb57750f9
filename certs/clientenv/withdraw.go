package clientenv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// Withdraw takes every root of this package out of the files that [Variables] has made in dir: programs that were given
// them go on to accept what they accepted before us, and us no more. Of the copies of wget's settings, which may hold
// passwords, it leaves the setting of the roots. An absent folder is no error; the error is an [*host.Error] of reading or
// writing there.
func Withdraw(dir string, owner *host.Owner) error {
	return owner.As(func() error { return withdrawAll(dir, owner) })
}

func withdrawAll(dir string, owner *host.Owner) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() { // a link or a file is nothing of ours
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &host.Error{Doing: "take our root out of the combined roots", Path: dir, Err: err, Advice: "rm -r " + host.Quote(dir)}
	}
	files := bundleDir{dir: dir, owner: owner}
	var all error
	for _, entry := range entries {
		switch name := entry.Name(); {
		case !entry.Type().IsRegular(): // nothing of ours
		case strings.HasPrefix(name, "roots-") && filepath.Ext(name) == ".pem":
			all = errors.Join(all, files.withdraw(name))
		case strings.HasPrefix(name, "wgetrc-"):
			all = errors.Join(all, files.forget(name))
		}
	}
	return all
}

// withdraw makes a bundle, and the trust store beside it if there is one, anew without us.
func (c bundleDir) withdraw(name string) error {
	data, o, err := c.recorded(name)
	if err != nil || o == nil {
		return err
	}
	before := certificateBlocks(data)
	if now, err := o.read(); err == nil { // in what is made from it, mkcert's root is not to be told from the user's own
		before = now
	}
	left := append([]byte(o.line()), mergeRoots(certs.Root{}, before)...)
	if _, err := c.keep(name, 0o644, left); err != nil {
		return err
	}
	beside := strings.TrimSuffix(name, ".pem") + ".p12"
	if !host.Exists(filepath.Join(c.dir, beside)) {
		return nil
	}
	store, err := encodeTrustStore(left)
	if err != nil {
		return err
	}
	_, err = c.keep(beside, 0o644, store)
	return err
}

// forget takes the user's settings out of a copy of wget's. The file stays: without it wget would do nothing at all in
// shells that still have the variable.
func (c bundleDir) forget(name string) error {
	data, o, err := c.recorded(name)
	if err != nil || o == nil {
		return err
	}
	left := o.line()
	if _, roots := splitWgetrc(data); roots != "" {
		left += rootsSetting(roots)
	}
	_, err = c.keep(name, 0o600, []byte(left))
	return err
}

// recorded reads a file and what it was made from, which is nil where the file is somebody else's.
func (c bundleDir) recorded(name string) ([]byte, bundleSource, error) {
	path := filepath.Join(c.dir, name)
	data, err := host.ReadBounded(path, host.MaxRoots)
	if err != nil {
		return nil, nil, &host.Error{Doing: "take our root out of the combined roots", Path: path, Err: err, Advice: "rm -r " + host.Quote(c.dir)}
	}
	o, _ := recordedSource(data)
	return data, o, nil
}
