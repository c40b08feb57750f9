package certs

import "slices"

// StandIn returns the stores to install in where policies were asked for: all, or, without certutil, those but for the
// databases of browsers that the policies among them reach.
func StandIn(env Env, stores []Store) []Store {
	if _, ok := env.find("certutil"); ok {
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
func (e Env) programs(names ...string) []string {
	var paths []string
	for _, name := range names {
		if path, ok := e.find(name); ok {
			paths = append(paths, path)
		}
	}
	return paths
}
