package clientenv

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/truststore"
)

// A sourceFunc finds the source of a program's roots.
type sourceFunc func() (bundleSource, error)

// roots is the value of a variable that names a file of roots.
func (e *builder) roots(from sourceFunc) func() (string, error) {
	return func() (string, error) {
		o, err := from()
		if err != nil {
			return "", err
		}
		return e.bundle(o)
	}
}

// bundle combines the roots of a source with ours, once for all variables.
func (e *builder) bundle(o bundleSource) (string, error) {
	name := o.name("roots-", ".pem")
	if path, ok := e.made[name]; ok {
		return path, nil
	}
	certificates, err := o.read()
	if err != nil {
		return "", err
	}
	data := append([]byte(o.line()), mergeRoots(e.files.root, certificates)...)
	e.made[name], err = e.files.keep(name, 0o644, data)
	return e.made[name], err
}

// named is what a variable names, or, where it is not set, what its programs read otherwise.
func (e *builder) named(name string, otherwise sourceFunc) sourceFunc {
	return func() (bundleSource, error) {
		if value := e.opts.Getenv(name); value != "" {
			return e.behind(value, otherwise)
		}
		return otherwise()
	}
}

// behind is the file at a path, or what that was made from if it is one of ours. One of ours that is lost had the source
// that there would be without it.
func (e *builder) behind(path string, otherwise sourceFunc) (bundleSource, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.opts.Within, path)
	}
	path = filepath.Clean(path)
	data, err := host.ReadBounded(path, host.MaxRoots)
	if o, ok := recordedSource(data); ok {
		return o, nil
	}
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) == e.opts.Dir {
		return otherwise()
	}
	return bundleSource{path}, nil // what is wrong with it is found where it is read
}

func (e *builder) none() (bundleSource, error) { return bundleSource{}, nil }

// systemRoots is the one file in which the system keeps the roots it trusts.
func (e *builder) systemRoots() (bundleSource, error) {
	path, err := truststore.SystemBundle(e.env)
	if err != nil {
		return nil, err
	}
	return bundleSource{path}, nil
}

// openssl reads a file and folders. Not all that follow it do: where there is a file, httpx leaves the folders out, and so
// does curl where CURL_CA_BUNDLE names one.
func (e *builder) openssl() (bundleSource, error) {
	o, err := e.named("SSL_CERT_FILE", e.systemRoots)()
	if err != nil {
		return nil, err
	}
	o = slices.Clone(o)
	for _, dir := range filepath.SplitList(e.opts.Getenv("SSL_CERT_DIR")) {
		folder := filepath.Clean(dir) + separator
		if filepath.IsAbs(dir) && !slices.Contains(o, folder) {
			o = append(o, folder)
		}
	}
	return o, nil
}

// git has a setting, which the variable would hide.
func (e *builder) git(ctx context.Context) (bundleSource, error) {
	if git, ok := e.env.Find("git"); ok {
		out, err := e.env.Do(ctx, host.Command{As: e.env.Owner, Limit: host.LookLimit, Argv: []string{git, "config", "--get", "--type=path", "http.sslCAInfo"}})
		if failed := (*host.CommandError)(nil); errors.As(err, &failed) && failed.TimedOut {
			return nil, err
		}
		if path := strings.TrimSuffix(string(out), "\n"); err == nil && path != "" { // it fails where there is none
			return e.behind(path, e.systemRoots)
		}
	}
	return e.systemRoots()
}
