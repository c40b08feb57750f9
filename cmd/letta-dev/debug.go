package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/truststore"
	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy/redact"
)

// LETTA_DEV_DEBUG=1 and --debug have every choice said, with its reason: on standard error, and of the serving process in the journal too.
// No secret is among what is said: values of variables are not, and addresses go without their user.

// debugs says whether choices are to be said.
func (a *app) debugs() bool {
	v, set := a.env("LETTA_DEV_DEBUG")
	return a.global.debug || set && v != "" && v != "0" && v != "false"
}

// debug says one choice, once.
func (a *app) debug(subject, format string, args ...any) {
	if a.ui == nil || !a.debugs() {
		return
	}
	text := "debug: " + subject + ": " + fmt.Sprintf(format, args...)
	a.ui.mu.Lock()
	again := slices.Contains(a.ui.debugged, text)
	a.ui.debugged = append(a.ui.debugged, text)
	a.ui.mu.Unlock()
	if !again {
		a.ui.remark("·", "debug", text)
	}
}

// debugFolder says where files of ours are kept, and why there.
func (a *app) debugFolder(variable, dir string) {
	reason := "the default: " + variable + " is not set"
	switch set := a.env.get(variable); {
	case set != "" && strings.HasPrefix(dir, set):
		reason = variable
	case set != "":
		reason = variable + " is not used: it is relative, or not of the user behind sudo"
	}
	a.debug("folder", "%s (%s)", dir, reason)
}

// debugProject says which project this is about, and what it was read from.
func (a *app) debugProject(p *compose.Project, from string) {
	reason := "the name in its files, of COMPOSE_PROJECT_NAME or of the folder"
	switch {
	case a.global.project != "":
		reason = "--project"
	case p.Name == compose.DefaultName:
		reason = "the default"
	}
	a.debug("project", "%s (%s), of %s, read from %s", p.Name, reason, p.Dir, from)
}

// debugEngine says which engine was chosen, through which socket.
func (a *app) debugEngine(e orchestrator.EngineInfo) {
	reach := "through its published ports"
	if e.Direct {
		reach = "by their addresses"
	}
	a.debug("engine", "%s %s at %s (%s), API %s; containers are reached %s", e.Name, e.Version, withoutUser(e.Host), e.Found, e.API, reach)
}

// withoutUser is an address without what may be a secret.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read"
	}
	u.User = nil
	return u.String()
}

// debugStores says what became of each trust store.
func (a *app) debugStores(results []truststore.Result) {
	for _, r := range results {
		why := "nothing had to be changed"
		switch {
		case r.Err != nil:
			why = explain(r.Err).Message
		case r.Before != r.After:
			why = fmt.Sprintf("it was %s", r.Before)
		}
		a.debug("store", "%s %s: %s (%s)", r.Store, r.Where, r.After, why)
	}
}

// debug says one choice of the serving process: in the journal, and where a person has the process before them.
func (s *serving) debug(subject, format string, args ...any) {
	if !s.cfg.Debug {
		return
	}
	s.journal.say("debug: "+subject+": "+format, args...)
	if !s.cfg.Background {
		s.app.debug(subject, format, args...)
	}
}

// debugProxy says what the proxy was given: its certificate, its guard and its routes.
func (s *serving) debugProxy() {
	switch {
	case !s.cfg.TLS:
		s.debug("certificate", "none (LOCAL_HTTPS=false)")
	case s.cfg.CertFile != "":
		s.debug("certificate", "%s (--cert)", s.cfg.CertFile)
	default:
		s.debug("certificate", "leaves for %s (of the authority in %s)", certs.Names(s.leaf().Names), s.cfg.Files.Certs)
	}
	for _, b := range s.bound {
		if b.Missing != "" {
			s.debug("listener", "not %s (%s)", b.Address, b.Missing)
			continue
		}
		s.debug("listener", "%s", b.Address)
	}
	s.debug("guard", "serves %s, and names below letta.localhost, localhost and loopback addresses; pages of these and of %s may change things",
		listOr(s.cfg.Hosts, "no other hosts"), listOr(s.cfg.Origins, "no other origins"))
	otherwise := "letta-dev answers there itself"
	if s.cfg.WebSocket != "" {
		otherwise = redact.URL(s.cfg.WebSocket) + " does"
	}
	s.debug("websocket", "8282 reaches the server's own port 8282 where that listens, else %s", otherwise)
	for _, r := range s.cfg.Policy.Routes {
		to := "the Letta server"
		if r.Upstream != "" {
			to = redact.URL(r.Upstream)
		}
		s.debug("route", "%s leads to %s", r.Path, to)
	}
}

func listOr(all []string, none string) string {
	if len(all) == 0 {
		return none
	}
	return strings.Join(all, ", ")
}
