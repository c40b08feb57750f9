package certs

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// mkcert's file of the key that signs; its certificate is in a rootFile, as ours is.
const rootKeyFile = "rootCA-key.pem"

// FindMkcert returns the folder and the root of the CA that mkcert made for this user, if it can be used here: the folder
// goes into [Options].CAROOT. It lies where mkcert 1.4.4 looks for it, CAROOT first. The error wraps [fs.ErrNotExist] if
// there is none, and is an [*host.Error] that gives the reason if it is broken, over, exposed, or here without its key.
func FindMkcert(env host.Env, getenv func(string) string) (dir string, root Root, err error) {
	if dir, err = filepath.Abs(mkcertFolder(env, getenv)); err != nil {
		return "", Root{}, err
	}
	path := filepath.Join(dir, rootFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", Root{}, &host.Error{Doing: "find mkcert's CA", Path: path, Err: fs.ErrNotExist, Advice: "mkcert -install"}
	}
	var a *Authority
	err = env.Owner.As(func() (err error) {
		a, err = mkcertAuthority(dir, Options{}.withDefaults())
		return err
	})
	if err != nil {
		return "", Root{}, renewMkcert(dir, err)
	}
	return dir, a.Root(), nil
}

// mkcertFolder returns where mkcert keeps its CA: unlike the XDG specification it minds XDG_DATA_HOME on macOS too.
func mkcertFolder(env host.Env, getenv func(string) string) string {
	local := getenv("LocalAppData")
	switch data := env.Vars["XDG_DATA_HOME"]; {
	case getenv("CAROOT") != "":
		return getenv("CAROOT")
	case env.GOOS == "windows" && local != "":
		return filepath.Join(local, "mkcert")
	case data != "":
		return filepath.Join(data, "mkcert")
	case env.GOOS == "darwin":
		return env.InHome("Library", "Application Support", "mkcert")
	}
	return env.InHome(".local", "share", "mkcert")
}

// Mkcert tells whether mkcert made the authority. It has no name constraints then, and its files are mkcert's: this
// package reads them, and neither changes nor deletes them.
func (a *Authority) Mkcert() bool { return a.caroot != "" }

// refer makes the folder of an authority by reference to mkcert's.
func refer(dir string, opts Options) (*Authority, error) {
	a, err := mkcertAuthority(opts.CAROOT, opts)
	if err != nil {
		return nil, renewMkcert(opts.CAROOT, err)
	}
	a.dir = dir
	return a, makeFolder(dir, []host.File{{Name: carootFile, Mode: 0o644, Data: []byte(opts.CAROOT + "\n")}}, opts)
}

// renewMkcert gives an error of a CA that is not in use here yet, so that making ours anew would change nothing, the advice
// to have mkcert make it anew, which it does not as long as it finds one.
func renewMkcert(caroot string, err error) error {
	var told *host.Error
	if !errors.As(err, &told) || told.Advice != remake {
		return err
	}
	e := *told
	e.Advice = fmt.Sprintf("mv -i %s %s && mkcert -install", host.Quote(caroot), host.Quote(caroot+".bak"))
	return &e
}

// loadReference follows the reference in dir.
func loadReference(dir string, opts Options) (*Authority, error) {
	path := filepath.Join(dir, carootFile)
	data, err := readFile(path)
	if err != nil {
		return nil, incomplete(path, err)
	}
	caroot, whole := strings.CutSuffix(string(data), "\n")
	if !whole || !filepath.IsAbs(caroot) || strings.ContainsAny(caroot, "\n\x00") {
		return nil, unusable(path, errors.New("it is not the path of mkcert's folder"))
	}
	a, err := mkcertAuthority(caroot, opts)
	if err != nil {
		return nil, err
	}
	a.dir = dir
	return a, nil
}

// mkcertAuthority reads mkcert's two files as mkcert does: each may hold more than what comes first in it, and may be a
// link. Leaves come from the root itself, which permits no intermediate (pathlen 0).
func mkcertAuthority(caroot string, opts Options) (*Authority, error) {
	a := &Authority{caroot: caroot, owner: opts.Owner, now: opts.Now}
	var err error
	if a.root, err = loadMkcertRoot(filepath.Join(caroot, rootFile)); err != nil {
		return nil, err
	}
	if a.key, err = loadMkcertKey(filepath.Join(caroot, rootKeyFile), a.root); err != nil {
		return nil, err
	}
	a.issuer = a.root
	return a, a.inForce()
}

func loadMkcertRoot(path string) (*x509.Certificate, error) {
	data, err := readMkcertFile(path, readFile)
	if err != nil {
		return nil, incomplete(path, err)
	}
	root, err := decodeCertificate(data)
	if err != nil {
		return nil, unusable(path, err)
	}
	if !root.IsCA || root.CheckSignatureFrom(root) != nil {
		return nil, unusable(path, errors.New("it is not the root of a certificate authority"))
	}
	return root, nil
}

func loadMkcertKey(path string, root *x509.Certificate) (crypto.Signer, error) {
	data, err := readMkcertFile(path, readPrivate)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unusable(path, errors.New("the key of mkcert's CA is not on this machine: it can be trusted here, but cannot sign"))
	}
	if err != nil {
		return nil, incomplete(path, err)
	}
	return keyOf(root, path, data)
}

// readMkcertFile returns the first block of PEM in a file, as it would stand alone.
func readMkcertFile(path string, read func(string) ([]byte, error)) ([]byte, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	data, err := read(real)
	if err != nil {
		return nil, err
	}
	return firstBlock(data), nil
}
