package compose

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// variables are what ${…} in a compose file can name: the environment, and what env files add to it.
type variables struct {
	environ map[string]string
	file    map[string]string
	files   []string // the env files, as messages call them
}

func (v variables) lookup(name string) (string, bool) {
	if value, ok := v.environ[name]; ok {
		return value, true
	}
	value, ok := v.file[name]
	return value, ok
}

func (v variables) get(name string) string {
	value, _ := v.lookup(name)
	return value
}

// chosenFiles are the env files instead of .env; only the environment can choose them.
func (v variables) chosenFiles() []string {
	return strings.FieldsFunc(v.environ["COMPOSE_ENV_FILES"], func(r rune) bool { return r == ',' })
}

// environment reads Environ and the env files: those of COMPOSE_ENV_FILES, else .env beside the first of Files. The environment
// wins, as it does for docker compose.
func (l *loading) environment(o Options) error {
	l.env = variables{environ: map[string]string{"PWD": l.dir}, file: map[string]string{}}
	for _, entry := range o.Environ {
		if key, value, ok := strings.Cut(entry, "="); ok && key != "" { // Windows has entries as =C:=C:\
			l.env.environ[key] = value
		}
	}
	if given := l.env.chosenFiles(); len(given) > 0 {
		return l.envFile(given...)
	}
	beside := "."
	if len(o.Files) > 0 {
		beside = filepath.Dir(o.Files[0])
	}
	return l.dotenv(beside)
}

// dotenv reads the .env of a folder, where there is one and COMPOSE_DISABLE_ENV_FILE does not forbid it. One that forbids itself
// has its COMPOSE_ variables heard all the same, as by docker compose.
func (l *loading) dotenv(folder string) error {
	name := filepath.Join(folder, ".env")
	if off, err := l.flag("COMPOSE_DISABLE_ENV_FILE"); off || err != nil || !exists(within(l.dir, name)) {
		return err
	}
	if err := l.envFile(name); err != nil {
		return err
	}
	off, err := l.flag("COMPOSE_DISABLE_ENV_FILE")
	maps.DeleteFunc(l.env.file, func(key, _ string) bool { return off && !strings.HasPrefix(key, "COMPOSE_") })
	return err
}

// envFile adds the variables of files, a later one over an earlier. What is known already stays.
func (l *loading) envFile(names ...string) error {
	vars := map[string]string{}
	for _, name := range names {
		notes, warnings, err := readDotenv(name, l.hostPath(name, ""), vars, l.env.lookup)
		if err != nil {
			return err
		}
		l.project.Notes = append(l.project.Notes, notes...)
		l.warn(warnings...)
	}
	for key, value := range vars {
		if _, known := l.env.file[key]; !known {
			l.env.file[key] = value
		}
	}
	l.env.files = append(l.env.files, names...)
	return nil
}

// tls reads LOCAL_HTTPS, which Letta's own server has for TLS; here the proxy ends TLS, so the proxy is what it turns off.
func (l *loading) tls() error {
	if l.env.get("LOCAL_HTTPS") == "" {
		return nil
	}
	on, err := l.flag("LOCAL_HTTPS")
	l.project.NoTLS = !on
	return err
}

// flag is a variable that is true or false; false where it is not set. The error does not quote it, for it may be a secret that
// went to the wrong name.
func (l *loading) flag(name string) (bool, error) {
	value := l.env.get(name)
	if value == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(value)
	if err != nil {
		return false, &FileError{File: name, What: "it is neither true nor false", Advice: l.adviceOn(name)}
	}
	return on, nil
}

// adviceOn is what to do about a variable that means something to us, wherever it stands.
func (l *loading) adviceOn(name string) string {
	if _, ok := l.env.environ[name]; ok {
		return "unset " + name
	}
	return fmt.Sprintf("correct %s in %s", name, strings.Join(l.env.files, " or "))
}

// envFiles adds the env_file entries of a service to env, which holds its environment: a later file over an earlier, and each may
// name what stands before it.
func (l *loading) envFiles(name string, s serviceConfig, env map[string]string) error {
	lookup := func(k string) (string, bool) {
		if v, ok := l.env.lookup(k); ok {
			return v, ok
		}
		if v := s.Environment[k]; v != nil {
			return *v, true
		}
		return "", false
	}
	for i, file := range s.EnvFiles {
		at := fmt.Sprintf("services.%s.env_file.%d", name, i)
		path := l.hostPath(file.Path, at)
		if !exists(path) {
			if bool(file.Required) {
				return l.reader.failAt(at, missingAdvice(path), "%s does not exist", file.Path)
			}
			continue
		}
		notes, warnings, err := readDotenv(file.Path, path, env, lookup)
		if err != nil {
			return err
		}
		for _, n := range notes {
			l.note("%s", n)
		}
		l.warn(warnings...)
	}
	return nil
}

// missingAdvice is the command that makes a missing env_file: from its example where there is one.
func missingAdvice(path string) string {
	if _, err := os.Stat(path + ".example"); err == nil {
		return fmt.Sprintf("cp %s.example %s", path, path)
	}
	return "touch " + path
}
