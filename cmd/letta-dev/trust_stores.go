package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/truststore"
)

// families are the kinds of stores that `certs` is about: all, or those that TRUST_STORES names, as for mkcert. Browser policies are
// always looked at, and only installed when asked for.
func (a *app) families(action truststore.Action, policies bool) ([]truststore.Family, error) {
	known := []truststore.Family{truststore.System, truststore.NSS, truststore.Java, truststore.Policies}
	families := known
	if list := a.env.get("TRUST_STORES"); list != "" {
		families = nil
		for _, word := range strings.Split(list, ",") {
			if !slices.Contains(known, truststore.Family(word)) {
				return nil, usagef("TRUST_STORES=system,nss,java letta-dev certs status", "TRUST_STORES: %q is none of system, nss, java, policies", word)
			}
			families = append(families, truststore.Family(word))
		}
	} else if action == truststore.ToInstall {
		families = known[:3]
	}
	if policies {
		families = append(slices.Clone(families), truststore.Policies)
	}
	return families, nil
}

// storesOf are those of the families; of policies, which few people use, those alone that hold something of ours or shall. Policies that
// are asked for stand in for the browsers' own databases where certutil is missing, which is what they are for.
func storesOf(ctx context.Context, env host.Env, families []truststore.Family, policies bool) []truststore.Store {
	var found []truststore.Store
	others := slices.DeleteFunc(slices.Clone(families), func(f truststore.Family) bool { return f == truststore.Policies })
	if len(others) > 0 { // none would stand for some
		found = truststore.Stores(env, others...)
	}
	if len(others) == len(families) {
		return found
	}
	for _, s := range truststore.Stores(env, truststore.Policies) {
		if commands, err := s.Commands(ctx, truststore.ToUninstall, certs.Root{}); policies || err != nil || len(commands) > 0 {
			found = append(found, s)
		}
	}
	if policies {
		return truststore.WithoutCoveredByPolicy(env, found)
	}
	return found
}

// tellStoreWait says what a command waits for that wants to look at a store.
func (a *app) tellStoreWait(dir string) {
	a.ui.note("waiting for another process that changes the trust store in %s", dir)
}

// hostEnv is this machine for the commands that are all about trust: they may take a second for a browser's own verdict.
func (a *app) hostEnv() (host.Env, error) {
	env, err := host.Detect(a.env.get)
	if _, missing := os.Stat(env.Home); err == nil && missing != nil { // root would make it, and its browsers' stores in it
		err = &host.Error{Doing: "find your home folder", Err: missing, Advice: homeHint}
	}
	if err != nil {
		err = &dataError{error: err}
	}
	env.Elevate, env.Attended, env.Browsers, env.Waits = true, a.ui.interactive(), true, a.tellStoreWait
	return env, err
}
