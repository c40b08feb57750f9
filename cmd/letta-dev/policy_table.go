package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/letta-dev/letta-dev/proxy"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// policyRow is a line of the proxy's policy as a person reads it.
type policyRow struct {
	name, value string
	asked       bool // somebody asked for it: it is not as it is by default
}

// policyRows are the whole policy.
func policyRows(t proxy.Table) []policyRow {
	rows := []policyRow{
		{"names", strings.Join(t.Names, " "), false},
		{"origins", strings.Join(append([]string{"pages under these names"}, t.Origins...), ", "), false},
		{"methods", "all but " + strings.Join(t.Refused, " and "), false},
		{"forwarded", strings.Join(t.Forwarded, " "), false},
	}
	for _, names := range lines(t.Removed, 72) {
		rows = append(rows, policyRow{"removed", names, false})
	}
	for _, r := range t.Routes {
		rows = append(rows, policyRow{"route", r.Path + " → " + r.Upstream, len(t.Routes) > 1 || r.Path != "/"})
	}
	rows = append(rows, headerRows("to the server", t.Request)...)
	rows = append(rows, headerRows("to clients", t.Response)...)
	for _, origin := range t.CORS {
		rows = append(rows, policyRow{"CORS for", origin, true})
	}
	if t.MaxBody > 0 {
		rows = append(rows, policyRow{"limit", "request bodies of " + policy.FormatSize(t.MaxBody), true})
	}
	if t.Rate != (policy.Rate{}) {
		rows = append(rows, policyRow{"limit", t.Rate.String() + " for each client", true})
	}
	if t.Gzip {
		rows = append(rows, policyRow{"gzip", "answers of text", true})
	}
	if t.MaxAge > 0 {
		rows = append(rows, policyRow{"cache", "static files for " + policy.FormatAge(t.MaxAge), true})
	}
	return rows
}

// lines joins words to lines of about so many characters.
func lines(words []string, width int) []string {
	all, n := []string{}, 0
	for i := range words {
		if i+1 == len(words) || len(strings.Join(words[n:i+2], " ")) > width {
			all, n = append(all, strings.Join(words[n:i+1], " ")), i+1
		}
	}
	return all
}

func headerRows(name string, headers []policy.Header) []policyRow {
	var rows []policyRow
	for _, h := range headers {
		value := h.Name + ": " + h.Value
		if h.Value == "" {
			value = "no " + h.Name
		}
		rows = append(rows, policyRow{name, value, true})
	}
	return rows
}

// printPolicy prints the rows, or those alone that somebody asked for.
func printPolicy(w io.Writer, t proxy.Table, asked bool) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer table.Flush()
	before, printed := "", false
	for _, r := range policyRows(t) {
		if asked && !r.asked {
			continue
		}
		name := r.name
		if name == before {
			name = ""
		}
		if !printed {
			fmt.Fprintln(table)
		}
		before, printed = r.name, true
		fmt.Fprintf(table, "   %s\t%s\n", name, printableLines(r.value))
	}
}
