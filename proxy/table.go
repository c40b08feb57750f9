package proxy

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/letta-dev/letta-dev/proxy/policy"
	"github.com/letta-dev/letta-dev/proxy/redact"
)

// A Table is the whole policy in force, as data that a person can read. What decides about requests is made of it, and of
// nothing else.
type Table struct {
	Names        []string `json:"names"`          // hosts that are served, loopback networks included
	Origins      []string `json:"origins"`        // that may change things, besides pages under the names
	Refused      []string `json:"refusedMethods"` // every other method passes
	Forwarded    []string `json:"forwarded"`      // fields that tell the upstream about the client; a client's own are removed
	Removed      []string `json:"removed"`        // fields of clients that a server could take for the word of its proxy; a star stands for any rest
	policy.Rules          // the routes in the order they are tried
}

// newTable makes the table of a Config.
func newTable(c *Config) Table {
	t := Table{
		Names:     slices.Concat(ownNames(), c.Hosts),
		Origins:   unique(c.Origins, c.Policy.CORS),
		Refused:   []string{http.MethodConnect, http.MethodTrace},
		Forwarded: []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "Via"},
		Removed:   removedFields(),
		Rules:     c.Policy,
	}
	t.Routes = slices.Clone(t.Routes)
	if slices.ContainsFunc(t.Routes, func(r policy.Route) bool { return r.Path != "/" }) {
		t.Forwarded = append(t.Forwarded, "X-Forwarded-Prefix")
	}
	slices.SortStableFunc(t.Routes, func(a, b policy.Route) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	return t
}

// Policy is the table in force, for people: every route has an upstream, and the last one takes what no other does; what
// looks like a secret in a header field is not shown.
func (p *Proxy) Policy() Table {
	t := p.table
	t.Routes = slices.Clone(t.Routes)
	if !slices.ContainsFunc(t.Routes, func(r policy.Route) bool { return r.Path == "/" }) {
		t.Routes = append(t.Routes, policy.Route{Path: "/"})
	}
	for i := range t.Routes {
		t.Routes[i].Upstream = cmp.Or(t.Routes[i].Upstream, p.config.REST.Name)
	}
	t.Request, t.Response, t.CORS = shown(t.Request), shown(t.Response), unique(t.CORS)
	return t
}

func shown(headers []policy.Header) []policy.Header {
	all := append([]policy.Header{}, headers...)
	for i, h := range all {
		if h.Value != "" && redact.Header(h.Name) {
			all[i].Value = "***"
		}
	}
	return all
}

func unique(lists ...[]string) []string {
	all := []string{}
	for _, s := range slices.Concat(lists...) {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
