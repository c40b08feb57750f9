package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

// versionInfo is what `version` prints.
type versionInfo struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Letta   string `json:"letta"` // the image it runs unless told otherwise
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  letta-dev version\n  letta-dev version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionInfo{version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, "letta/letta:0.16.8"}
			return a.ui.answer("version", v, func(w io.Writer) {
				fmt.Fprintf(w, "letta-dev %s (%s %s/%s, for %s)\n", v.Version, v.Go, v.OS, v.Arch, v.Letta)
			})
		},
	}
}
