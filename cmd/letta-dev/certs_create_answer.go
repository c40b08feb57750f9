package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs"
)

// createdFiles is the answer of `certs create`.
type createdFiles struct {
	CertFile string    `json:"certFile,omitempty"`
	KeyFile  string    `json:"keyFile,omitempty"`
	P12File  string    `json:"p12File,omitempty"`
	Names    []string  `json:"names"`
	NotAfter time.Time `json:"notAfter"`
	Replaced []string  `json:"replaced"`
}

func newCreatedFiles(c certs.Created) createdFiles {
	return createdFiles{c.CertFile, c.KeyFile, c.P12File, c.Names, c.NotAfter, append([]string{}, c.Replaced...)}
}

// tellCreated prints the paths, and says what mkcert would remind of.
func (a *app) tellCreated(made createdFiles, fresh bool) error {
	return a.ui.verbatim("certs create", made, func(w io.Writer) {
		for _, path := range slices.Compact([]string{made.CertFile, made.KeyFile, made.P12File}) {
			if path != "" {
				fmt.Fprintln(w, path)
			}
		}
		for _, old := range made.Replaced {
			a.ui.note("%s was there already and has been replaced", old)
		}
		a.ui.note("for %s, until %s", strings.Join(made.Names, " "), day(made.NotAfter))
		if i := slices.IndexFunc(made.Names, func(name string) bool { return strings.HasPrefix(name, "*.") }); i >= 0 {
			a.ui.note("a wildcard covers one level: %s is not for a.b%s", made.Names[i], made.Names[i][1:])
		}
		if made.P12File != "" {
			a.ui.note("its password is \"changeit\", which everybody knows: keep the file to yourself")
		}
		if fresh {
			a.ui.note("nothing trusts it yet: letta-dev certs install")
		}
	})
}
