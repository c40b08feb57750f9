package compose

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

func (r *reader) refuse(key *yaml.Node, s *shape, path string) {
	at := Refusal{File: r.file, Line: key.Line, Key: join(path, named(key.Value))}
	if strings.HasPrefix(path, "services.") {
		at.Service = r.service
	}
	at.Instead, at.Known = adviceFor(placeOf(path, at.Service))[key.Value]
	if !at.Known {
		at.Instead = "take it out"
		if near := nearest(key.Value, maps.Keys(s.keys)); near != "" {
			at.Instead = fmt.Sprintf("did you mean %q?", near)
		}
	}
	r.refusals = append(r.refusals, at)
}

func (r *reader) fail(n *yaml.Node, path, what, advice string) error {
	if path != "" {
		what = path + ": " + what
	}
	return r.failLine(n.Line, what, advice)
}

func (r *reader) failLine(line int, what, advice string) error {
	if advice == "" {
		advice = "correct " + place(r.file, line)
	}
	return &FileError{File: r.file, Line: line, What: what, Advice: advice}
}

func (r *reader) tooMuch(n *yaml.Node, path string) error {
	return r.fail(n, path, "aliases and variables unfold to more than a compose file can mean", "write the values out")
}

// variable explains a ${…} that cannot be put in. The words behind :? are for people, but may name variables as well, whose values
// are not shown.
func (r *reader) variable(n *yaml.Node, path string, err error) error {
	_, _, veiled := expand(n.Value, r.lookup, func(name string) (string, bool) {
		value, ok := r.lookup(name)
		if value != "" {
			value = "***"
		}
		return value, ok
	}, nil, template.Substitute)
	var missing *template.MissingRequiredError
	if errors.As(err, &missing) && errors.As(veiled, &missing) {
		return r.fail(n, path, strings.TrimSuffix(fmt.Sprintf("the variable %s is not set: %s", missing.Variable, missing.Reason), ": "),
			fmt.Sprintf("set it in .env or in the environment: export %s=VALUE", missing.Variable))
	}
	return r.fail(n, path, "a $ that names no variable", "write $$ for a $ that is meant as it stands")
}

// wrong is a value that cannot stand where it does. Of a value with variables in it the text is shown, not what they stand for.
func (r *reader) wrong(n *yaml.Node, s *shape, path string, v any, err error) error {
	if text, ok := v.(string); ok && n.ShortTag() == "!!str" && text != n.Value {
		if _, err = s.scalar(n.Value); err == nil {
			err = fmt.Errorf("%q is not what can stand here", n.Value)
		}
		err = fmt.Errorf("with its variables put in, %w", err)
	}
	return r.fail(n, path, err.Error(), "")
}

// tagged refuses a tag. Most are values with a ! of their own, so that only those of compose are named.
func (r *reader) tagged(n *yaml.Node, path string) error {
	if n.Tag == "!reset" || n.Tag == "!override" {
		return r.fail(n, path, fmt.Sprintf("the tag %s is not supported", n.Tag), "write the value without a tag")
	}
	return r.fail(n, path, "a tag is not supported", "put a value that begins with ! into quotes")
}

// syntax puts the line of the YAML parser's message where our messages have it. Of bytes that are no text it knows the offset alone.
func (r *reader) syntax(data []byte, err error) error {
	what, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	var at *yaml.LoadError
	if m := regexp.MustCompile(`(?:at )?line (\d+)(?:, column \d+)?:? ?`).FindStringSubmatchIndex(what); m != nil {
		line, _ = strconv.Atoi(what[m[2]:m[3]])
		what = strings.TrimSpace(what[:m[0]]) + " " + what[m[1]:]
	} else if errors.As(err, &at) {
		line = 1 + bytes.Count(data[:min(at.Mark.Index, len(data))], []byte("\n"))
	}
	what = regexp.MustCompile(`anchor '.*'`).ReplaceAllString(what, "anchor") // what is meant as a value may begin with *
	return r.failLine(line, "not YAML: "+strings.TrimSpace(what), "")
}

// where is the place of a path, or of the nearest thing around it, and that one's path.
func (r *reader) where(path string) (position, string) {
	for ; path != ""; path = path[:max(strings.LastIndexByte(path, '.'), 0)] {
		if at, ok := r.at[path]; ok {
			return at, path
		}
	}
	return r.at[""], ""
}

// blame finds the line of an error of compose-go, which names a path in one of two forms and no place: services.web.ports.[0],
// services[web].ports[0].
func (r *reader) blame(err error) error {
	what := err.Error()
	if _, decoding, ok := strings.Cut(what, "error(s):\n\n"); ok {
		what, _, _ = strings.Cut(decoding, "\n")
	}
	path := regexp.MustCompile(`(services|networks|volumes)[\w.\[\]-]+`).FindString(what)
	at, near := r.where(strings.NewReplacer(".[", ".", "[", ".", "]", "").Replace(path))
	return &FileError{File: at.file, Line: at.line, What: r.veil(near, what), Err: err, Advice: "correct " + place(at.file, at.line)}
}

// failAt is an error at a path that was read before.
func (r *reader) failAt(path, advice, format string, args ...any) error {
	at, near := r.where(path)
	if advice == "" {
		advice = "correct " + place(at.file, at.line)
	}
	what := near + r.veil(near, path[len(near):]+": "+fmt.Sprintf(format, args...))
	return &FileError{File: at.file, Line: at.line, What: what, Advice: r.veil(near, advice)}
}

// veil puts the names of the variables at a path where a text has what they stand for, which may be a secret. What is shorter than
// four letters is none, and may be part of something else.
func (r *reader) veil(path, s string) string {
	for at, variables := range r.put {
		if at != path && !strings.HasPrefix(at, path+".") {
			continue
		}
		for _, v := range variables {
			if len(v.value) > 3 {
				s = strings.ReplaceAll(s, v.value, "${"+v.name+"}")
			}
		}
	}
	return s
}
