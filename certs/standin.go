package certs

import (
	"slices"

	"github.com/letta-dev/letta-dev/certs/host"
)

// StandIn returns the stores to install in where policies were asked for: all, or, without certutil, those but for the
// databases of browsers that the policies among them reach.
func StandIn(env host.Env, stores []Store) []Store {
	if _, ok := env.Find("certutil"); ok {
		return stores
	}
	var reached []string
	for _, s := range stores {
		if policy, ok := s.(*policyStore); ok {
			reached = append(reached, policy.programs...)
		}
	}
	missed := func(program string) bool { return !slices.Contains(reached, program) }
	return slices.DeleteFunc(slices.Clone(stores), func(s Store) bool {
		database, ok := s.(*nssStore)
		return ok && len(database.programs) > 0 && !slices.ContainsFunc(database.programs, missed)
	})
}

// programs returns the paths of those that are installed.
func installed(e host.Env, names ...string) []string {
	var paths []string
	for _, name := range names {
		if path, ok := e.Find(name); ok {
			paths = append(paths, path)
		}
	}
	return paths
}
