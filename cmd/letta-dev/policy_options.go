package main

import (
	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/proxy"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// policyOptions are the flags of the proxy's policy. Each that is given stands in the place of the file's setting.
type policyOptions struct {
	routes, response, request []string
	body, rate, cache         string
	gzip                      bool
	given                     func(flag string) bool
	rules                     policy.Rules // what they say, once checked
}

func (o *policyOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.given = f.Changed
	f.StringArrayVar(&o.routes, "route", nil, "send what is below a path, without the path, to another server: PATH=URL; PATH alone is a path for the server itself; may be repeated")
	f.StringArrayVar(&o.response, "header", nil, "set this header field of every answer, 'Name: value'; without a value it is removed; may be repeated")
	f.StringArrayVar(&o.request, "request-header", nil, "set this header field of requests on their way to the server; may be repeated")
	f.StringVar(&o.body, "max-body", "", "refuse request bodies that are larger, like 10mb")
	f.StringVar(&o.rate, "rate", "", "refuse more requests of a client than these, like 20/s or 600/m")
	f.BoolVar(&o.gzip, "gzip", false, "compress answers of text that the server does not")
	f.StringVar(&o.cache, "cache", "", "let browsers keep static files for so long, like 1h, where the server says nothing about it")
}

// check reads the flags of a command; origins are those that it allows.
func (o *policyOptions) check(command string, origins []string) error {
	steps := []struct {
		flag, example string
		read          func() error
	}{
		{"--route", "/letta/=http://127.0.0.1:3000", o.readRoutes},
		{"--header", "'X-Frame-Options: DENY'", func() error { return readHeaders(o.response, &o.rules.Response) }},
		{"--request-header", "'X-Team: blue'", func() error { return readHeaders(o.request, &o.rules.Request) }},
		{"--max-body", "10mb", func() (err error) { o.rules.MaxBody, err = policy.ParseSize(o.body); return }},
		{"--rate", "20/s", func() (err error) { o.rules.Rate, err = policy.ParseRate(o.rate); return }},
		{"--cache", "1h", func() (err error) { o.rules.MaxAge, err = policy.ParseAge(o.cache); return }},
	}
	for _, s := range steps {
		if err := s.read(); err != nil && o.was(s.flag[len("--"):]) {
			return usagef(command+" "+s.flag+" "+s.example, "%s: %w", s.flag, err)
		}
	}
	if err := proxy.CheckOrigins(origins); err != nil {
		return usagef(command+" --allow-origin https://my-app.example", "--allow-origin: %w", err)
	}
	together := o.over(policy.Rules{}, origins)
	if err := together.Check(); err != nil {
		return usagef(command+" --help", "%w", err)
	}
	return nil
}

// over puts what the flags say in the place of what a file says.
func (o *policyOptions) over(r policy.Rules, origins []string) policy.Rules {
	r.CORS = origins
	if o.was("route") {
		r.Routes = o.rules.Routes
	}
	if o.was("header") {
		r.Response = o.rules.Response
	}
	if o.was("request-header") {
		r.Request = o.rules.Request
	}
	if o.was("max-body") {
		r.MaxBody = o.rules.MaxBody
	}
	if o.was("rate") {
		r.Rate = o.rules.Rate
	}
	if o.was("gzip") {
		r.Gzip = o.gzip
	}
	if o.was("cache") {
		r.MaxAge = o.rules.MaxAge
	}
	return r
}

// was says whether a flag was given.
func (o *policyOptions) was(flag string) bool { return o.given != nil && o.given(flag) }

func (o *policyOptions) readRoutes() error {
	o.rules.Routes = nil
	for _, s := range o.routes {
		r, err := policy.ParseRoute(s)
		if err != nil {
			return err
		}
		o.rules.Routes = append(o.rules.Routes, r)
	}
	return (&policy.Rules{Routes: o.rules.Routes}).Check()
}

func readHeaders(flags []string, headers *[]policy.Header) error {
	*headers = nil
	for _, s := range flags {
		h, err := policy.ParseHeader(s)
		if err != nil {
			return err
		}
		*headers = append(*headers, h)
	}
	return (&policy.Rules{Response: *headers}).Check()
}
