package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// maxNodes and maxDepth bound what one file may unfold to: a dozen lines of aliases of aliases can stand for a billion values.
const (
	maxNodes = 100_000
	maxDepth = 64
)

// position is a place in a file.
type position struct {
	file string
	line int
}

// reader turns YAML into values of the shapes of shapes.go, with every variable put in and every mistake at its line.
type reader struct {
	lookup   template.Mapping
	at       map[string]position // where each path stands, services.web.ports.0 for one; a later file replaces an earlier
	refusals []Refusal

	file  string // being read
	nodes int
}

// read returns one file as the tree that compose-go's merge and canonical syntax work on.
func (r *reader) read(s source) (map[string]any, error) {
	r.file, r.nodes = s.name, 0
	decoder := yaml.NewDecoder(bytes.NewReader(s.data))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, r.failLine(1, "the file is empty", "letta-dev runs its built-in stack where there is no compose file")
	} else if err != nil {
		return nil, r.syntax(err)
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, r.failLine(second.Line, "a second document begins here", "keep one document in a file; give more files with -f FILE -f FILE")
	} else if !errors.Is(err, io.EOF) {
		return nil, r.syntax(err)
	}
	tree, err := r.value(doc.Content[0], fileShape(), "", 0)
	if err != nil {
		return nil, err
	}
	if tree == nil {
		return nil, r.failLine(1, "the file says nothing", "write at least services: with one service")
	}
	return tree.(map[string]any), nil
}

// value reads one node. A nil value stands for a key that is there and says nothing.
func (r *reader) value(n *yaml.Node, s *shape, path string, depth int) (any, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return nil, r.fail(n, path, "aliases unfold to more than a compose file can mean", "write the values out")
	}
	if n.Kind == yaml.AliasNode {
		return r.value(n.Alias, s, path, depth+1)
	}
	r.at[path] = position{r.file, n.Line}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return nil, r.fail(n, path, fmt.Sprintf("the tag %s is not supported", n.Tag), "write the value without a tag")
	}
	switch {
	case n.ShortTag() == "!!null":
		return nil, nil
	case n.Kind == yaml.ScalarNode && s.scalar != nil:
		return r.scalar(n, s, path)
	case n.Kind == yaml.SequenceNode && s.item != nil:
		return r.list(n, s, path, depth)
	case n.Kind == yaml.MappingNode && (s.keys != nil || s.free != nil):
		return r.mapping(n, s, path, depth)
	}
	return nil, r.fail(n, path, "must be "+s.wants(), "")
}

func (r *reader) scalar(n *yaml.Node, s *shape, path string) (any, error) {
	var v any = n.Value
	switch n.ShortTag() {
	case "!!str":
		text, err := template.Substitute(n.Value, r.lookup)
		if err != nil {
			return nil, r.variable(n, path, err)
		}
		v = text
	case "!!int", "!!float", "!!bool":
		if err := n.Decode(&v); err != nil {
			return nil, r.fail(n, path, "cannot be read as a value", "put it into quotes")
		}
	}
	v, err := s.scalar(v)
	if err != nil {
		return nil, r.fail(n, path, err.Error(), "")
	}
	return v, nil
}

func (r *reader) list(n *yaml.Node, s *shape, path string, depth int) (any, error) {
	list := make([]any, 0, len(n.Content))
	for i, item := range n.Content {
		at := join(path, strconv.Itoa(i))
		v, err := r.value(item, s.item, at, depth+1)
		if err != nil {
			return nil, err
		}
		if v == nil {
			return nil, r.fail(item, at, "an empty entry", "take the line out")
		}
		list = append(list, v)
	}
	return list, nil
}

func (r *reader) mapping(n *yaml.Node, s *shape, path string, depth int) (any, error) {
	pairs, err := r.pairs(n, path, depth)
	if err != nil {
		return nil, err
	}
	m := map[string]any{}
	for _, p := range pairs {
		key, at := p.key.Value, join(path, p.key.Value)
		inner, err := s.of(key)
		switch {
		case err != nil:
			return nil, r.fail(p.key, at, err.Error(), "")
		case inner == nil && strings.HasPrefix(key, "x-"):
			continue // somebody else's settings
		case inner == nil:
			r.refuse(p.key, s, path)
			continue
		}
		v, err := r.value(p.value, inner, at, depth+1)
		if err != nil {
			return nil, err
		}
		r.at[at] = position{r.file, p.key.Line}
		if v != nil || s.nulls {
			m[key] = v
		}
	}
	return m, nil
}

type pair struct{ key, value *yaml.Node }

// pairs are the entries of a mapping, with those it merges by << first, so that its own replace them.
func (r *reader) pairs(n *yaml.Node, path string, depth int) ([]pair, error) {
	var merged, own []pair
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			more, err := r.merges(value, path, depth+1)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return nil, r.fail(key, path, "a key must be a single word", "")
		}
		if line, twice := seen[key.Value]; twice {
			return nil, r.fail(key, join(path, key.Value), fmt.Sprintf("stands here a second time, first in line %d", line), "keep one of the two")
		}
		seen[key.Value] = key.Line
		own = append(own, pair{key, value})
	}
	return append(merged, own...), nil
}

// merges resolves what stands behind <<: a mapping, or a list of mappings of which the first wins.
func (r *reader) merges(n *yaml.Node, path string, depth int) ([]pair, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return nil, r.fail(n, path, "aliases unfold to more than a compose file can mean", "write the values out")
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.merges(n.Alias, path, depth+1)
	case yaml.MappingNode:
		return r.pairs(n, path, depth+1)
	case yaml.SequenceNode:
		var all []pair
		for i := len(n.Content) - 1; i >= 0; i-- {
			more, err := r.merges(n.Content[i], path, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	return nil, r.fail(n, path, "<< needs an alias of a mapping", "write <<: *NAME")
}

func (r *reader) refuse(key *yaml.Node, s *shape, path string) {
	at := Refusal{File: r.file, Line: key.Line, Key: join(path, key.Value)}
	if rest, in := strings.CutPrefix(at.Key, "services."); in {
		at.Service, _, _ = strings.Cut(rest, ".")
	}
	at.Instead, at.Known = instead(path, key.Value)
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

// variable explains a ${…} that cannot be put in.
func (r *reader) variable(n *yaml.Node, path string, err error) error {
	var missing *template.MissingRequiredError
	if errors.As(err, &missing) {
		return r.fail(n, path, fmt.Sprintf("the variable %s is not set: %s", missing.Variable, missing.Reason),
			fmt.Sprintf("set it in .env or in the environment: export %s=VALUE", missing.Variable))
	}
	return r.fail(n, path, fmt.Sprintf("%q has a $ that names no variable", n.Value), "write $$ for a $ that is meant as it stands")
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

// blame finds the line of an error of compose-go, which names the path but not the place: services.web.ports.[0] is …
func (r *reader) blame(err error) error {
	path := regexp.MustCompile(`(services|networks|volumes)\.[\w.\[\]-]+`).FindString(err.Error())
	at := r.where(strings.NewReplacer("[", "", "]", "").Replace(path))
	return &FileError{File: at.file, Line: at.line, What: "cannot be read", Err: err, Advice: "correct " + place(at.file, at.line)}
}

// failAt is an error at a path that was read before.
func (r *reader) failAt(path, advice, format string, args ...any) error {
	at := r.where(path)
	if advice == "" {
		advice = "correct " + place(at.file, at.line)
	}
	return &FileError{File: at.file, Line: at.line, What: path + ": " + fmt.Sprintf(format, args...), Advice: advice}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
