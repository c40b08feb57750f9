package compose

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
)

// The functions of this file read single values, variables already put in. Numbers and booleans come as YAML read them, so
// that 0x10 is 16 here as it is for docker compose.

// asIs leaves the value to compose-go, which prints numbers its own way.
func asIs(v any) (any, error) { return v, nil }

func text(v any) (any, error) { return fmt.Sprint(v), nil }

// resourceKey is what compose allows as the name of a service, a network or a volume.
func resourceKey(s string) error {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(s) {
		return errors.New("a name has letters, digits, _ . and - only, and begins with a letter or digit")
	}
	return nil
}

// variableName is the name of a variable or a label, which engines take in nearly any form. The error does not quote it, for much of
// what is no name is a value.
func variableName(s string) error {
	if s == "" || strings.ContainsAny(s, "=\x00") || strings.TrimSpace(s) != s {
		return errors.New("not a name: it is empty, has a space at an end, or an = in it")
	}
	return nil
}

// assignment is NAME=VALUE, or NAME alone for the value outside.
func assignment(v any) (any, error) {
	s := fmt.Sprint(v)
	name, _, _ := strings.Cut(s, "=")
	return s, variableName(name)
}

func path(v any) (any, error) {
	if s := fmt.Sprint(v); s != "" {
		return s, nil
	}
	return nil, errors.New("it names no file")
}

func boolean(v any) (any, error) {
	switch strings.ToLower(fmt.Sprint(v)) {
	case "true", "yes", "y", "on":
		return true, nil
	case "false", "no", "n", "off":
		return false, nil
	}
	return nil, fmt.Errorf("%q is neither true nor false", v)
}

func whole(v any, least int64) (any, error) {
	n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	if err != nil || n < least || n > math.MaxInt32 && strconv.IntSize == 32 {
		return nil, fmt.Errorf("%q is not a whole number of at least %d", fmt.Sprint(v), least)
	}
	return int(n), nil
}

func count(v any) (any, error) { return whole(v, 0) }

// limit is a ulimit; -1 is none.
func limit(v any) (any, error) { return whole(v, -1) }

func duration(v any) (any, error) {
	var d types.Duration
	if err := d.DecodeMapstructure(v); err != nil || d < 0 {
		return nil, fmt.Errorf("%q is not a length of time: write 30s or 1m30s", fmt.Sprint(v))
	}
	return fmt.Sprint(v), nil
}

func size(v any) (any, error) {
	var b types.UnitBytes
	if err := b.DecodeMapstructure(v); err != nil || b < 0 {
		return nil, fmt.Errorf("%q is not a size: write 64m or 1g", fmt.Sprint(v))
	}
	return v, nil
}

func image(v any) (any, error) {
	s := fmt.Sprint(v)
	if _, err := reference.ParseDockerRef(s); err != nil {
		return nil, fmt.Errorf("%q is not the name of an image: write NAME:TAG", s)
	}
	return s, nil
}

func restart(v any) (any, error) {
	s := fmt.Sprint(v)
	if v == false { // `restart: no` without quotes, for a YAML 1.1 reader
		s = "no"
	}
	if !regexp.MustCompile(`^(|no|always|unless-stopped|on-failure(:\d{1,9})?)$`).MatchString(s) {
		return nil, fmt.Errorf(`%q is not a restart policy: write "no", always, on-failure, on-failure:N or unless-stopped`, s)
	}
	return s, nil
}

func port(v any) (any, error) {
	s := fmt.Sprint(v)
	if _, err := types.ParsePortConfig(s); err != nil {
		return nil, fmt.Errorf("%q is not a port: write HOST:CONTAINER or ADDRESS:HOST:CONTAINER", s)
	}
	return s, nil
}

// volume checks the short form. compose-go passes over options it does not know; we do not.
func volume(v any) (any, error) {
	s := fmt.Sprint(v)
	parsed, err := format.ParseVolume(s)
	if err != nil || parsed.Target == "" {
		return nil, fmt.Errorf("%q is not a volume: write NAME:/PATH or ./FOLDER:/PATH", s)
	}
	options := s[strings.LastIndexByte(s, ':')+1:]
	if options == parsed.Target {
		return s, nil
	}
	for _, option := range strings.Split(options, ",") {
		if option != "ro" && option != "rw" {
			return nil, fmt.Errorf("the volume option %q is not supported, only ro and rw", option)
		}
	}
	return s, nil
}

func securityOption(v any) (any, error) {
	s := fmt.Sprint(v)
	if profile, ok := strings.CutPrefix(strings.Replace(s, "=", ":", 1), "seccomp:"); ok && profile != "unconfined" {
		return nil, errors.New("a seccomp profile in a file is not supported, only seccomp:unconfined")
	}
	return s, nil
}
