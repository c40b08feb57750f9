package certs

import (
	"slices"
	"strings"
)

// remake is what helps when an authority cannot be used any more.
const remake = "letta-dev certs uninstall && letta-dev certs install"

// UseMkcert is what to type to have mkcert's CA in the place of another authority. It is for those alone whose mkcert has
// one that can be used.
const UseMkcert = "letta-dev certs uninstall && letta-dev certs init --mkcert && letta-dev certs install"

// remakeWith makes an authority anew that may sign for domains too, but for those that none may be made for any more.
func remakeWith(domains []string) string {
	domains = slices.DeleteFunc(slices.Clone(domains), isPublicSuffix)
	if len(domains) == 0 {
		return remake
	}
	init := "letta-dev certs init"
	for _, domain := range domains {
		init += " --allow-domain " + quote(domain)
	}
	return "letta-dev certs uninstall && " + init + " && letta-dev certs install"
}

// An Error is a failure a person can act on.
type Error struct {
	Doing  string // what was going on, such as "read the intermediate's key"
	Path   string // the file or folder concerned, or empty
	Err    error  // the cause
	Advice string // what to type next, or empty
	Usage  bool   // a name that was asked for is none, whatever the machine is like
}

// Error says what was going on, with which file, and the cause.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, part := range []string{e.Doing, e.Path, e.Err.Error()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns what to type next, or "".
func (e *Error) Hint() string { return e.Advice }
