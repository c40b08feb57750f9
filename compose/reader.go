package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// maxCost and maxDepth bound what one file may unfold to: a dozen lines of aliases of aliases can stand for a billion values. A
// value costs 1, and 1 more for every 128 bytes.
const (
	maxCost  = 100_000
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
	put      map[string][]variable // what was put in at each path
	at       map[string]position   // where each path stands, services.web.ports.0 for one; a later file replaces an earlier
	refusals []Refusal
	warnings []string // of what docker compose warns of
	unset    []string // variables that are not set where a value names them, each with its place

	file    string // being read
	service string // being read; names may hold dots, so that a path does not tell
	cost    int    // so far
}

// variable is a ${NAME} of a file and what it stands for.
type variable struct{ name, value string }

// spend counts what is being read, and tells whether that is still within bounds.
func (r *reader) spend(values, bytes int) bool {
	r.cost += values + bytes/128
	return r.cost <= maxCost
}

// parse reads the YAML of one file.
func (r *reader) parse(s source) (*yaml.Node, error) {
	r.file = s.name
	decoder := yaml.NewDecoder(bytes.NewReader(s.data))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, r.failLine(1, "the file is empty", "letta-dev runs its built-in stack where there is no compose file")
	} else if err != nil {
		return nil, r.syntax(s.data, err)
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, r.failLine(second.Line, "a second document begins here", "keep one document in a file; give more files with -f FILE -f FILE")
	} else if !errors.Is(err, io.EOF) {
		return nil, r.syntax(s.data, err)
	}
	return doc.Content[0], nil
}

// read returns one file as the tree that compose-go's merge and canonical syntax work on.
func (r *reader) read(file string, root *yaml.Node, of *shape) (map[string]any, error) {
	r.file, r.cost = file, 0
	tree, err := r.value(root, of, "", 0)
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
	if !r.spend(1, len(n.Value)) || depth > maxDepth {
		return nil, r.tooMuch(n, path)
	}
	if n.Kind == yaml.AliasNode {
		return r.value(n.Alias, s, path, depth+1)
	}
	r.at[path] = position{r.file, n.Line}
	if n.Tag != "" && !slices.Contains([]string{"!!null", "!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!seq", "!!map"}, n.ShortTag()) {
		return nil, r.tagged(n, path)
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

// scalar reads a single value. Numbers and booleans come as YAML has them, which is how compose has them, and in our own settings
// as they are written: 1.10 is a version there, and 010 no 8.
func (r *reader) scalar(n *yaml.Node, s *shape, path string) (any, error) {
	var v any = n.Value
	switch n.ShortTag() {
	case "!!str":
		text, unset, err := expand(n.Value, r.lookup, func(name string) (string, bool) {
			value, ok := r.lookup(name)
			if !r.spend(0, len(value)) {
				return "", ok
			}
			if value != "" {
				r.put[path] = append(r.put[path], variable{name, value})
			}
			return value, ok
		}, nil, template.Substitute)
		if err != nil {
			return nil, r.variable(n, path, err)
		}
		for _, u := range unset {
			r.unset = append(r.unset, fmt.Sprintf("%s (%s)", u.name, place(r.file, lineOf(n, u.offset))))
		}
		if !r.spend(0, 0) {
			return nil, r.tooMuch(n, path)
		}
		v = text
	case "!!int", "!!float", "!!bool", "!!timestamp":
		if strings.HasPrefix(path, "x-letta-dev.") {
			break
		}
		if n.ShortTag() == "!!timestamp" {
			return nil, r.fail(n, path, "a date, to which docker compose would add a time of day", "put it into quotes")
		}
		if err := n.Decode(&v); err != nil {
			return nil, r.fail(n, path, "cannot be read as a value", "put it into quotes")
		}
	}
	read, err := s.scalar(v)
	if err != nil {
		return nil, r.wrong(n, s, path, v, err)
	}
	if yes, ok := read.(bool); ok && !strings.EqualFold(fmt.Sprint(v), strconv.FormatBool(yes)) {
		r.warnings = append(r.warnings, fmt.Sprintf("%s: %s: true and false are the only booleans of YAML 1.2; this one is read as %t", place(r.file, n.Line), path, yes))
	}
	return read, nil
}

// lineOf is the line of a part of a value. Of text that YAML folds only the first line is known.
func lineOf(n *yaml.Node, offset int) int {
	if n.Style&yaml.LiteralStyle == 0 {
		return n.Line
	}
	return n.Line + 1 + strings.Count(n.Value[:offset], "\n")
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
		if text, ok := v.(string); ok { // of which file it is, merging makes known no more
			r.at[path+"="+text] = position{r.file, item.Line}
		}
		list = append(list, v)
	}
	if s.whole != nil {
		if err := s.whole(list); err != nil {
			return nil, r.fail(n, path, r.veil(path, err.Error()), "")
		}
	}
	return list, nil
}

func (r *reader) mapping(n *yaml.Node, s *shape, path string, depth int) (any, error) {
	pairs, err := r.pairs(n, path, depth)
	if err != nil {
		return nil, err
	}
	m, refused := map[string]any{}, len(r.refusals)
	for _, p := range pairs {
		key, at := p.key.Value, join(path, p.key.Value)
		if path == "services" {
			r.service = key
		}
		inner, err := s.of(key)
		switch {
		case err != nil && named(key) != key:
			return nil, r.fail(p.key, join(path, named(key)), "a value stands where a name belongs", "")
		case err != nil:
			return nil, r.fail(p.key, at, err.Error(), "")
		case inner == nil && strings.HasPrefix(key, "x-") && !(path == "" && isNearlyOurs(key)):
			continue // somebody else's settings
		case inner == nil:
			r.refuse(p.key, s, path)
			continue
		}
		if at == "version" {
			r.warnings = append(r.warnings, place(r.file, p.key.Line)+": version is obsolete and means nothing: take it out")
		}
		v, err := r.value(p.value, inner, at, depth+1)
		if err != nil {
			return nil, err
		}
		r.at[at] = position{r.file, p.key.Line}
		if v != nil || s.nulls || inner.null {
			m[key] = v
		} else if !strings.HasPrefix(at, "x-letta-dev") {
			return nil, r.fail(p.key, at, "it has no value", "")
		}
	}
	for _, key := range s.needs {
		if _, ok := m[key]; !ok && len(r.refusals) == refused { // else a key that is refused may be meant
			return nil, r.fail(n, path, key+" is missing", "")
		}
	}
	if s.check != nil {
		if err := s.check(m); err != nil {
			return nil, r.fail(n, path, err.Error(), "")
		}
	}
	return m, nil
}

// named is a key as messages have it: without the value of a NAME=VALUE or a NAME: VALUE that stands where a name belongs.
func named(key string) string {
	if end := strings.IndexAny(key, "=:"); end >= 0 {
		return key[:end]
	}
	return key
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
