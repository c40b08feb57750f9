package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// variables are what ${…} in a compose file can name: the environment, and what .env adds to it.
type variables struct {
	environ map[string]string
	file    map[string]string
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

// environment reads Environ and .env. The environment wins, as it does for docker compose.
func (l *loading) environment(o Options, dir string) error {
	l.env.environ = map[string]string{}
	for _, entry := range o.Environ {
		if key, value, ok := strings.Cut(entry, "="); ok && key != "" { // Windows has entries as =C:=C:\
			l.env.environ[key] = value
		}
	}
	name, path := ".env", filepath.Join(l.dir, ".env")
	if o.EnvFile != "" {
		name, path = o.EnvFile, within(dir, o.EnvFile)
	} else if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return l.tls()
	} else if rel, err := filepath.Rel(dir, path); err == nil {
		name = rel
	}
	vars, notes, err := readDotenv(name, path, func(k string) (string, bool) { v, ok := l.env.environ[k]; return v, ok })
	if err != nil {
		return err
	}
	l.env.file = vars.values
	l.project.Notes = append(l.project.Notes, notes...)
	return l.tls()
}

// tls reads LOCAL_HTTPS, which Letta's own server has for TLS; here the proxy ends TLS, so the proxy is what it turns off.
func (l *loading) tls() error {
	v := l.env.get("LOCAL_HTTPS")
	if v == "" {
		return nil
	}
	on, err := strconv.ParseBool(v)
	if err != nil {
		return &FileError{File: "LOCAL_HTTPS", What: fmt.Sprintf("%q is neither true nor false", v), Advice: "unset LOCAL_HTTPS, and take it out of .env"}
	}
	l.project.NoTLS = !on
	return nil
}

// envFiles reads the env_file entries of a service, a later one over an earlier.
func (l *loading) envFiles(name string, s serviceConfig) (map[string]string, error) {
	all := map[string]string{}
	for i, file := range s.EnvFiles {
		at := fmt.Sprintf("services.%s.env_file.%d", name, i)
		path := l.hostPath(file.Path)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			if bool(file.Required) {
				return nil, l.reader.failAt(at, missingAdvice(path), "%s does not exist", file.Path)
			}
			continue
		}
		vars, notes, err := readDotenv(file.Path, path, func(k string) (string, bool) {
			if v, ok := l.env.lookup(k); ok {
				return v, ok
			}
			if v := s.Environment[k]; v != nil {
				return *v, true
			}
			v, ok := all[k]
			return v, ok
		})
		if err != nil {
			return nil, err
		}
		for _, n := range notes {
			l.note("%s", n)
		}
		for k, v := range vars.values {
			all[k] = v
		}
	}
	return all, nil
}

// missingAdvice is the command that makes a missing env_file: from its example where there is one.
func missingAdvice(path string) string {
	if _, err := os.Stat(path + ".example"); err == nil {
		return fmt.Sprintf("cp %s.example %s", path, path)
	}
	return "touch " + path
}
