package compose

import (
	"errors"
	"fmt"
	"math"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
)

// The functions of this file read single values, variables already put in. Numbers and booleans come as YAML read them, so
// that 0x10 is 16 here as it is for docker compose.

// asIs leaves the value to compose-go, which prints numbers its own way, and has none that are endless.
func asIs(v any) (any, error) {
	if f, ok := v.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
		return nil, errors.New("not a number that can be written out: put it into quotes")
	}
	return v, nil
}

// text is a value of our own settings, as it is written.
func text(v any) (any, error) { return fmt.Sprint(v), nil }

// str is what YAML reads as text. Compose takes no number in its place: nobody knows whether 010 is one.
func str(v any) (any, error) {
	if _, ok := v.(string); !ok {
		return nil, errors.New("must be text: put it into quotes")
	}
	return v, nil
}

// strThat is text of one kind.
func strThat(read func(string) (any, error)) func(any) (any, error) {
	return func(v any) (any, error) {
		s, err := str(v)
		if err != nil {
			return nil, err
		}
		return read(s.(string))
	}
}

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
func assignment(s string) (any, error) {
	name, _, _ := strings.Cut(s, "=")
	return s, variableName(name)
}

func fileName(s string) (any, error) {
	if s != "" {
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
func limit(v any) (any, error) {
	if f, ok := v.(float64); ok {
		return nil, fmt.Errorf("%v is not a whole number: write its digits", f)
	}
	return whole(v, -1)
}

func duration(s string) (any, error) {
	var d types.Duration
	if err := d.DecodeMapstructure(s); err != nil || d < 0 {
		return nil, fmt.Errorf("%q is not a length of time: write 30s or 1m30s", s)
	}
	return s, nil
}

// probeTime is a time of a healthcheck, which engines refuse below a millisecond.
func probeTime(s string) (any, error) {
	if d, err := time.ParseDuration(s); err == nil && d > 0 && d < time.Millisecond {
		return nil, fmt.Errorf("%q is less than a millisecond, which engines do not take", s)
	}
	return duration(s)
}

func size(v any) (any, error) {
	var b types.UnitBytes
	_, truth := v.(bool)
	if err := b.DecodeMapstructure(v); err != nil || b < 0 || truth {
		return nil, fmt.Errorf("%q is not a size: write 64m or 1g", fmt.Sprint(v))
	}
	return v, nil
}

func image(s string) (any, error) {
	if _, err := reference.ParseDockerRef(s); err != nil {
		return nil, fmt.Errorf("%q is not the name of an image: write NAME:TAG", s)
	}
	return s, nil
}

// container is a name as engines take it.
func container(s string) (any, error) {
	if !regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`).MatchString(s) {
		return nil, fmt.Errorf("%q is not the name of a container: two letters or more, digits, _ . and -, beginning with a letter or digit", s)
	}
	return s, nil
}

func restart(s string) (any, error) {
	if !regexp.MustCompile(`^(|no|always|unless-stopped|on-failure(:\d{1,9})?)$`).MatchString(s) {
		return nil, fmt.Errorf(`%q is not a restart policy: write "no", always, on-failure, on-failure:N or unless-stopped`, s)
	}
	return s, nil
}

// exposed is a port, or a range of them. It is information for people: services of one network reach each other's ports in any case.
func exposed(v any) (any, error) {
	s := fmt.Sprint(v)
	if _, broken := v.(float64); broken || !regexp.MustCompile(`^\d{1,5}(-\d{1,5})?(/(tcp|udp|sctp))?$`).MatchString(s) {
		return nil, fmt.Errorf("%q is not a port: write PORT or PORT/udp", s)
	}
	return s, nil
}

// hostPort is a port of the host; empty is any free one.
func hostPort(v any) (any, error) {
	s := fmt.Sprint(v)
	_, broken := v.(float64)
	if _, err := strconv.ParseUint(s, 10, 16); s != "" && err != nil || broken {
		return nil, fmt.Errorf("%q is not one port of the host", s)
	}
	return s, nil
}

func hostIP(s string) (any, error) {
	if net.ParseIP(s) == nil {
		return nil, fmt.Errorf("%q is not an address", s)
	}
	return s, nil
}

// extraHost is a name with the address it stands for: NAME:ADDRESS or NAME=ADDRESS.
func extraHost(s string) (any, error) {
	hosts, err := types.NewHostsList([]string{s})
	for _, addresses := range hosts {
		for _, a := range addresses {
			if _, wrong := hostAddress(a); wrong != nil {
				err = wrong
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not a host with its address: write NAME:ADDRESS", s)
	}
	return s, nil
}

// hostAddress is what engines put into the hosts file of a container; host-gateway is their word for this machine.
func hostAddress(s string) (any, error) {
	if s != "host-gateway" && net.ParseIP(strings.Trim(s, "[]")) == nil {
		return nil, fmt.Errorf("%q is not an address", s)
	}
	return s, nil
}

// absolute is a path in a container.
func absolute(s string) (any, error) {
	if s != "" && !strings.HasPrefix(s, "/") {
		return nil, fmt.Errorf("%q is not an absolute path in the container", s)
	}
	return s, nil
}

// tmpfs is PATH or PATH:OPTIONS.
func tmpfs(s string) (any, error) {
	target, _, _ := strings.Cut(s, ":")
	if target == "" {
		return nil, fmt.Errorf("%q names no path", s)
	}
	_, err := absolute(target)
	return s, err
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

func securityOption(s string) (any, error) {
	name, _, valued := strings.Cut(strings.Replace(s, "=", ":", 1), ":")
	if !valued && name != "no-new-privileges" || name == "systempaths" {
		return nil, fmt.Errorf("%q is not a security option of engines: write NAME:VALUE", s)
	}
	if profile, ok := strings.CutPrefix(strings.Replace(s, "=", ":", 1), "seccomp:"); ok && profile != "unconfined" {
		return nil, errors.New("a seccomp profile in a file is not supported, only seccomp:unconfined")
	}
	return s, nil
}
