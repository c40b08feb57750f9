package compose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// The functions of this file read the settings that package policy knows how to read, at their lines.

func headersShape() *shape {
	return &shape{free: one(headerValue), name: policy.CheckHeaderName, nulls: true}
}

func headerValue(v any) (any, error) {
	s := fmt.Sprint(v)
	return s, policy.CheckHeaderValue(s)
}

func routePath(v any) (any, error) {
	s := fmt.Sprint(v)
	return s, policy.CheckPath(s)
}

func routeUpstream(v any) (any, error) {
	s := fmt.Sprint(v)
	_, err := policy.ParseUpstream(s)
	return s, err
}

func bodySize(v any) (any, error) {
	s := fmt.Sprint(v)
	_, err := policy.ParseSize(s)
	return s, advised(err)
}

func rate(v any) (any, error) {
	s := fmt.Sprint(v)
	_, err := policy.ParseRate(s)
	return s, advised(err)
}

func age(v any) (any, error) {
	s := fmt.Sprint(v)
	_, err := policy.ParseAge(s)
	return s, advised(err)
}

// advised puts what to write instead behind the problem: the advice of a file is its line.
func advised(err error) error {
	if e, ok := err.(*policy.Error); ok {
		return fmt.Errorf("%s: %s", e.Problem, e.Advice)
	}
	return err
}

// policy takes over the settings. Those that cannot be read have been refused.
func (m *lettaModel) policy() policy.Rules {
	r := policy.Rules{
		Routes: m.Routes, Request: headersOf(m.Headers.Request), Response: headersOf(m.Headers.Response),
		CORS: m.CORS.Origins, Gzip: m.Gzip,
	}
	r.MaxBody, _ = policy.ParseSize(m.Limits.Body)
	r.Rate, _ = policy.ParseRate(m.Limits.Rate)
	r.MaxAge, _ = policy.ParseAge(m.Cache)
	return r
}

func headersOf(fields map[string]string) []policy.Header {
	var all []policy.Header
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		all = append(all, policy.Header{Name: name, Value: fields[name]})
	}
	return all
}

// Blame is an error about a setting of x-letta-dev as a *FileError at its line: "headers.response.Vary", or "hosts=NAME" for an
// entry of a list. Without advice the place is to be corrected. It is nil for what no file says.
func (p *Project) Blame(setting string, err error, advice string) error {
	at, ok := p.settings["x-letta-dev."+setting]
	if !ok {
		return nil
	}
	if advice == "" {
		advice = "correct " + place(at.file, at.line)
	}
	name, _, _ := strings.Cut(setting, "=")
	return &FileError{File: at.file, Line: at.line, What: fmt.Sprintf("x-letta-dev.%s: %v", name, err), Advice: advice, Err: err}
}
