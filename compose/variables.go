package compose

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The functions of this file are about docker compose's own variables, which it takes from the environment and from .env.
// https://docs.docker.com/compose/how-tos/environment-variables/envvars/

// obeyed are those that say which stack is meant. What only steers docker compose's own output and pace means nothing here.
func obeyed() []string {
	return []string{
		"COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES", "COMPOSE_DISABLE_ENV_FILE",
	}
}

// composeFile is the list of COMPOSE_FILE, seen from the folder. Where its first file stands in another, that one's .env counts as
// well, after this one's.
func (l *loading) composeFile() ([]string, error) {
	list := l.env.get("COMPOSE_FILE")
	if list == "" {
		return nil, nil
	}
	separator := l.env.get("COMPOSE_PATH_SEPARATOR")
	if separator == "" {
		separator = string(os.PathListSeparator)
	}
	files := strings.Split(list, separator)
	if slices.Contains(files, "") {
		return nil, &FileError{File: "COMPOSE_FILE", What: fmt.Sprintf("one of its names, with %q between them, is empty", separator), Advice: l.adviceOn("COMPOSE_FILE")}
	}
	if folder := filepath.Dir(files[0]); len(l.env.chosenFiles()) == 0 && within(l.dir, folder) != l.dir {
		return files, l.dotenv(folder)
	}
	return files, nil
}

// profiles are those of COMPOSE_PROFILES. One that no service has is said, but not shown, as no variable is.
func (l *loading) profiles() []string {
	var known []string
	for _, s := range l.model.Services {
		known = append(known, s.Profiles...)
	}
	all := strings.Split(l.env.get("COMPOSE_PROFILES"), ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
		if all[i] != "" && all[i] != "*" && !slices.Contains(known, all[i]) {
			l.note("COMPOSE_PROFILES names a profile that no service has")
		}
	}
	return all
}

// noteVariables says of each variable that would change what docker compose runs that it changes nothing here.
func (l *loading) noteVariables() {
	if l.env.file["COMPOSE_ENV_FILES"] != "" && len(l.env.chosenFiles()) == 0 {
		l.note("COMPOSE_ENV_FILES is obeyed in the environment alone, as by docker compose; it stands in %s", strings.Join(l.env.files, " or "))
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(l.env.environ)), maps.Keys(l.env.file))
	slices.Sort(names)
	for _, name := range names {
		instead, known := notObeyed()[name]
		value := l.env.get(name)
		on, err := strconv.ParseBool(value)
		switch near := nearest(name, slices.Values(obeyed())); {
		case known && value != "" && (on || err != nil):
			l.note("%s is set, which letta-dev does not obey: %s", name, instead)
		case strings.HasPrefix(name, "COMPOSE_") && near != "" && near != name:
			l.note("%s is no variable of docker compose: did you mean %s?", name, near)
		}
	}
}

// noteUnread names each variable of the env files that nothing reads, where it is nearly one that something does: a key under a wrong
// name is a model that is missing, without a word.
func (l *loading) noteUnread() {
	meant := append(slices.Clone(l.read), "LOCAL_HTTPS")
	for _, name := range slices.Sorted(maps.Keys(l.env.file)) {
		taken := slices.ContainsFunc(l.project.Services, func(s Service) bool { return s.Environment[name] != "" }) // by env_file
		if slices.Contains(meant, name) || taken || strings.HasPrefix(name, "COMPOSE_") {
			continue
		}
		near := nearest(name, slices.Values(meant))
		if near == "" {
			near = nearest(strings.ToUpper(name), slices.Values(meant))
		}
		if near != "" {
			l.note("nothing reads %s, which stands in %s: did you mean %s?", name, strings.Join(l.env.files, " or "), near)
		}
	}
}

// notObeyed says what to do instead of each variable that changes what docker compose runs, and changes nothing here.
func notObeyed() map[string]string {
	return map[string]string{
		"COMPOSE_CONVERT_WINDOWS_PATHS": "write the paths of volumes as this machine has them",
		"COMPOSE_COMPATIBILITY":         "name the containers with container_name",
		"DOCKER_DEFAULT_PLATFORM":       "the engine takes its own platform",
	}
}
