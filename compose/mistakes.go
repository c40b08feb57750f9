package compose

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

func (r *reader) refuse(key *yaml.Node, s *shape, path string) {
	at := Refusal{File: r.file, Line: key.Line, Key: join(path, key.Value)}
	if strings.HasPrefix(path, "services.") {
		at.Service = r.service
	}
	at.Instead, at.Known = adviceFor(placeOf(path, at.Service))[key.Value]
	if !at.Known {
		at.Instead = "take it out"
		if near := nearest(key.Value, s.keys); near != "" {
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

// variable explains a ${…} that cannot be put in.
func (r *reader) variable(n *yaml.Node, path string, err error) error {
	var missing *template.MissingRequiredError
	if errors.As(err, &missing) {
		return r.fail(n, path, fmt.Sprintf("the variable %s is not set: %s", missing.Variable, missing.Reason),
			fmt.Sprintf("set it in .env or in the environment: export %s=VALUE", missing.Variable))
	}
	return r.fail(n, path, "a $ that names no variable", "write $$ for a $ that is meant as it stands")
}

// syntax puts the line of the YAML parser's message where our messages have it.
func (r *reader) syntax(err error) error {
	what, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := regexp.MustCompile(`(?:at )?line (\d+)(?:, column \d+)?:? ?`).FindStringSubmatchIndex(what); m != nil {
		line, _ = strconv.Atoi(what[m[2]:m[3]])
		what = strings.TrimSpace(what[:m[0]]) + " " + what[m[1]:]
	}
	return r.failLine(line, "not YAML: "+strings.TrimSpace(what), "")
}

// where is the place of a path, or of the nearest thing around it.
func (r *reader) where(path string) position {
	for ; path != ""; path = path[:max(strings.LastIndexByte(path, '.'), 0)] {
		if at, ok := r.at[path]; ok {
			return at
		}
	}
	return r.at[""]
}

// blame finds the line of an error of compose-go, which names a path in one of two forms and no place: services.web.ports.[0],
// services[web].ports[0].
func (r *reader) blame(err error) error {
	what := err.Error()
	if _, decoding, ok := strings.Cut(what, "error(s):\n\n"); ok {
		what, _, _ = strings.Cut(decoding, "\n")
	}
	path := regexp.MustCompile(`(services|networks|volumes)[\w.\[\]-]+`).FindString(what)
	at := r.where(strings.NewReplacer(".[", ".", "[", ".", "]", "").Replace(path))
	return &FileError{File: at.file, Line: at.line, What: what, Err: err, Advice: "correct " + place(at.file, at.line)}
}

// failAt is an error at a path that was read before.
func (r *reader) failAt(path, advice, format string, args ...any) error {
	at := r.where(path)
	if advice == "" {
		advice = "correct " + place(at.file, at.line)
	}
	return &FileError{File: at.file, Line: at.line, What: path + ": " + fmt.Sprintf(format, args...), Advice: advice}
}
