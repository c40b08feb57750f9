package clientenv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// A Variable of the environment.
type Variable struct{ Name, Value string }

// Options say whom [Variables] is for.
type Options struct {
	Dir    string              // where the combined files are kept; made if absent
	Within string              // the folder that relative paths in variables start from
	Getenv func(string) string // the environment the programs would have had
}

// Variables returns the variables with which programs that bring roots of their own accept the servers of an authority,
// and everything that they accepted before.
//
//	NODE_EXTRA_CA_CERTS  Node, Bun and Deno, which add it to their own
//	SSL_CERT_FILE        OpenSSL and what is made with it, such as Python; Go; curl
//	CURL_CA_BUNDLE       curl, which asks it first
//	REQUESTS_CA_BUNDLE   Python's requests
//	GIT_SSL_CAINFO       git
//	NIX_SSL_CERT_FILE    OpenSSL as Nix builds it, which asks it first; only where it is set
//	WGETRC               wget, which has a setting for its roots and no variable
//	JDK_JAVA_OPTIONS     java from version 9 on, which has an option for its roots
//
// All but the first take the place of a program's own roots. So each leads to a file that combines ours with those of the
// file the program would have read: the one that the variable or the program's settings name, else the system's. It is
// made anew whenever its source or our root has changed.
//
// A problem is a variable, or several, that stay as they are because what they name cannot be combined; programs that
// read them do not accept us. Its Hint, if not empty, says what to type. The error is an [*host.Error] of writing to Dir.
func Variables(ctx context.Context, env host.Env, root certs.Root, opts Options) (vars []Variable, problems []error, err error) {
	e := &builder{env: env, opts: opts, made: map[string]string{},
		files: bundleDir{dir: opts.Dir, root: root, owner: env.OwnerOf(opts.Dir)}}
	err = env.Owner.As(func() (err error) { // what is read are the user's settings, wherever they lead
		vars, problems, err = e.set(ctx)
		return err
	})
	return vars, problems, err
}

func (e *builder) set(ctx context.Context) (vars []Variable, problems []error, err error) {
	var left []*leftError
	for _, variable := range e.variables(ctx) {
		value, err := variable.value()
		var unwritten *host.Error
		switch {
		case errors.As(err, &unwritten):
			return nil, nil, err
		case err != nil:
			left = e.leave(left, variable.name, err)
		case value != "":
			vars = append(vars, Variable{variable.name, value})
		}
	}
	for _, l := range left {
		problems = append(problems, l)
	}
	return vars, problems, nil
}

// leftError is variables that stay as they are for one cause.
type leftError struct {
	names []string
	set   []string // those of them that somebody has set
	err   error
}

func (e *builder) leave(left []*leftError, name string, err error) []*leftError {
	i := slices.IndexFunc(left, func(l *leftError) bool { return l.err.Error() == err.Error() })
	if i < 0 {
		i, left = len(left), append(left, &leftError{err: err})
	}
	left[i].names = append(left[i].names, name)
	if e.opts.Getenv(name) != "" {
		left[i].set = append(left[i].set, name)
	}
	return left
}

func (l *leftError) Error() string {
	verb := "stays as it is"
	if len(l.names) > 1 {
		verb = "stay as they are"
	}
	return fmt.Sprintf("%s %s: %v", strings.Join(l.names, ", "), verb, l.err)
}

func (l *leftError) Unwrap() error { return l.err }

// Hint has the variable gone that names what cannot be combined; empty where none does.
func (l *leftError) Hint() string {
	var set *setError
	switch {
	case errors.As(l.err, &set):
		return "unset " + set.name
	case len(l.set) > 0:
		return "unset " + strings.Join(l.set, " ")
	}
	return ""
}

// setError is another variable than ours that is in the way.
type setError struct{ name, says string }

func (e *setError) Error() string { return e.name + " " + e.says }

// builder is one call of Variables.
type builder struct {
	env   host.Env
	opts  Options
	files bundleDir
	made  map[string]string // bundles of this call by their origins' names
}

// variable is one that may be set. An empty value leaves it as it is, for no bad reason.
type variable struct {
	name  string
	value func() (string, error)
}

func (e *builder) variables(ctx context.Context) []variable {
	set := []variable{
		{"NODE_EXTRA_CA_CERTS", e.roots(e.named("NODE_EXTRA_CA_CERTS", e.none))},
		{"SSL_CERT_FILE", e.roots(e.openssl)},
		{"CURL_CA_BUNDLE", e.roots(e.named("CURL_CA_BUNDLE", e.openssl))},
		{"REQUESTS_CA_BUNDLE", e.roots(e.named("REQUESTS_CA_BUNDLE", e.named("CURL_CA_BUNDLE", e.systemRoots)))},
		{"GIT_SSL_CAINFO", e.roots(e.named("GIT_SSL_CAINFO", func() (bundleSource, error) { return e.git(ctx) }))},
	}
	if e.opts.Getenv("NIX_SSL_CERT_FILE") != "" {
		set = append(set, variable{"NIX_SSL_CERT_FILE", e.roots(e.named("NIX_SSL_CERT_FILE", e.systemRoots))})
	}
	return append(set, variable{"WGETRC", e.wget}, variable{"JDK_JAVA_OPTIONS", e.java})
}
