package main

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/keypair"
	"github.com/letta-dev/letta-dev/compose"
)

// prepareTLS has ready what will answer TLS handshakes, and says so in one line: the pair that --cert and --key name, for which nothing
// is made and nothing installed, else leaves of our own authority, trusted as far as mode says.
func (a *app) prepareTLS(ctx context.Context, cfg serveConfig, mode string) error {
	switch {
	case !cfg.TLS && cfg.CertFile != "":
		a.ui.warn("LOCAL_HTTPS=false turns TLS off, so nobody gets to see the certificate %s", cfg.CertFile)
		return nil
	case !cfg.TLS:
		return nil
	case cfg.CertFile != "":
		return a.showPair(cfg)
	}
	return a.trustForUp(ctx, cfg, mode)
}

// showPair is the line of a pair that somebody brought.
func (a *app) showPair(cfg serveConfig) error {
	var warnings []error
	pair, err := keypair.Open(cfg.CertFile, cfg.KeyFile, keypair.Options{
		Hosts: cfg.Hosts, Now: a.now, Changed: func(c keypair.Change) { warnings = append(warnings, c.Warning) },
	})
	if err != nil {
		return err
	}
	a.ui.begin("certs", "").done("%s · %d days · your own", pair.Names(), a.daysTo(pair.NotAfter()))
	for _, warning := range warnings {
		a.ui.warn("%s", advice(warning))
	}
	return nil
}

// daysTo is how many days are left, the begun one included.
func (a *app) daysTo(end time.Time) int { return int(math.Ceil(end.Sub(a.now()).Hours() / 24)) }

// day is the date of a moment where the person is.
func day(t time.Time) string { return t.Local().Format(time.DateOnly) }

// advice is an error in one line with what to type.
func advice(err error) string {
	if hint := explain(err).Hint; hint != "" {
		return err.Error() + "; to change that: " + hint
	}
	return err.Error()
}

// offerPair adds to a host that our authority may not sign for that a pair of one's own serves it too.
func offerPair(err error, authority *certs.Authority, hosts []string) error {
	var refused []string
	for _, host := range hosts {
		if names, malformed := certs.ParseNames(host); malformed == nil && authority.Check(names) != nil {
			refused = append(refused, host)
		}
	}
	if len(refused) > 0 {
		return &bringError{err, refused}
	}
	return err
}

// bringError is a host that needs another certificate than ours.
type bringError struct {
	error
	hosts []string // never empty
}

// atLine puts such a host of a compose file at its line.
func atLine(p *compose.Project, err error) error {
	var bring *bringError
	if !errors.As(err, &bring) {
		return err
	}
	for _, host := range bring.hosts {
		if placed := p.Blame("hosts="+host, bring, bring.Hint()); placed != nil {
			return placed
		}
	}
	return err
}

func (e *bringError) Unwrap() error { return e.error }

// Hint says both ways.
func (e *bringError) Hint() string {
	other := "bring a certificate of your own: --cert FILE --key FILE"
	var h hinter
	if errors.As(e.error, &h) && h.Hint() != "" {
		return h.Hint() + "  # or " + other
	}
	return other
}

// pair is a certificate that somebody brought, followed while we run.
func (s *serving) pair(ctx context.Context, group *group) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	pair, err := keypair.Open(s.cfg.CertFile, s.cfg.KeyFile, keypair.Options{Hosts: s.cfg.Hosts, Now: s.app.now, Changed: s.tellPair})
	if err != nil {
		return nil, err
	}
	group.add(func() error { _ = pair.Run(ctx); return nil }) // it returns ctx's error and no other
	s.leaf = func() leafInfo { return leafInfo{Names: pair.Names(), NotAfter: pair.NotAfter()} }
	return pair.GetCertificate, nil
}

// tellPair says what became of the files of a pair.
func (s *serving) tellPair(c keypair.Change) {
	until := day(c.NotAfter)
	switch {
	case c.Refused != nil:
		s.say("your certificate", "the certificate for %s, until %s, stays in use: %s", c.Names, until, advice(c.Refused))
	case c.Warning != nil:
		s.say("your certificate", "%s", advice(c.Warning))
	default:
		s.say("your certificate", "the certificate for %s, until %s, is in use from now on", c.Names, until)
	}
}

// urlHost is the host to show in place of a preferred one: that itself with our own leaves. A pair that somebody brought need not cover
// it, and who asked for a host wants to see it; the API's other ports have localhost first, which every program's resolver knows.
func (s *serving) urlHost(preferred string) string {
	if !s.cfg.TLS || s.cfg.CertFile == "" {
		return preferred
	}
	var asked []string
	for _, host := range s.cfg.Hosts {
		if base, wildcard := strings.CutPrefix(host, "*."); wildcard {
			host = "letta." + base
		}
		asked = append(asked, host)
	}
	candidates := append(asked, preferred, "localhost")
	if preferred == "localhost" {
		candidates = append([]string{"localhost", "letta.localhost"}, asked...)
	}
	names := certs.Names(s.leaf().Names)
	for _, host := range candidates {
		if names.Covers(host) {
			return bracketed(host)
		}
	}
	return preferred
}

// bracketed is a host as URLs have it (RFC 3986 section 3.2.2).
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
