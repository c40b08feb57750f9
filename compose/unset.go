package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// unsetReference is a $NAME or a ${NAME}, without a default, to a variable that is not set.
type unsetReference struct {
	name   string
	braced bool
	offset int // of its $ in the text
}

// expand has read put variables into a text, and returns the references that came to nothing. compose-go tells of those in one way
// alone, the global logger of logrus, which knows no place and belongs to the whole process. So each is handed to it under the name
// of a probe, which is set to nothing: that means the same, and leaves nothing to log. lookup tells what is set, put is its answer
// where it counts, and own whether the text itself, once read, sets a variable; it may be nil.
//
// Which of the candidates compose-go takes for a reference, and not for a part of a comment, of a value in single quotes or of a
// default that is not needed, it says itself: in a first reading each of them is a probe. That one needs no values: which
// variables are set and which are empty decides what is read.
//
// https://github.com/compose-spec/compose-go/blob/v2.16.2/template/template.go
func expand[T any, M ~func(string) (string, bool)](text string, lookup, put M, own func(T, string) bool, read func(string, M) (T, error)) (T, []unsetReference, error) {
	candidates := unsetIn(text, lookup)
	if len(candidates) == 0 {
		v, err := read(text, put)
		return v, nil, err
	}
	prefix := prefixNotIn(text)
	var asked map[int]bool
	probing := func(next M) M {
		asked = map[int]bool{}
		return func(name string) (string, bool) {
			if number, ok := strings.CutPrefix(name, prefix); ok {
				i, _ := strconv.Atoi(number)
				asked[i] = true
				return "", true
			}
			return next(name)
		}
	}
	probe := func(i int, as string) string {
		return strings.Replace(as, candidates[i].name, prefix+strconv.Itoa(i), 1)
	}
	first, wrong := read(replaced(text, candidates, probe), probing(func(name string) (string, bool) {
		value, ok := lookup(name)
		return value[:min(len(value), 1)], ok
	}))
	used := asked
	v, err := read(replaced(text, candidates, func(i int, as string) string {
		switch {
		case !used[i]:
			return as
		case wrong == nil && own != nil && own(first, candidates[i].name):
			return "${" + candidates[i].name + "-" + probe(i, "$"+candidates[i].name) + "}" // asked for where the text has not set it before
		}
		return probe(i, as)
	}), probing(put))
	var unset []unsetReference
	for i, c := range candidates {
		if asked[i] {
			unset = append(unset, c)
		}
	}
	return v, unset, err
}

// unsetIn finds what looks like a reference to a variable that lookup does not know. Names are those of compose-go's pattern.
func unsetIn[M ~func(string) (string, bool)](text string, lookup M) []unsetReference {
	var all []unsetReference
	for _, at := range regexp.MustCompile(`\$(?i:([_a-z][_a-z0-9]*)|\{([_a-z][_a-z0-9]*)\})`).FindAllStringSubmatchIndex(text, -1) {
		r := unsetReference{braced: at[2] < 0, offset: at[0]}
		r.name = text[max(at[2], at[4]):max(at[3], at[5])]
		if _, set := lookup(r.name); !set {
			all = append(all, r)
		}
	}
	return all
}

// replaced is the text with other words for the references.
func replaced(text string, references []unsetReference, by func(i int, as string) string) string {
	var b strings.Builder
	done := 0
	for i, r := range references {
		end := r.offset + len("$"+r.name)
		if r.braced {
			end += len("{}")
		}
		b.WriteString(text[done:r.offset])
		b.WriteString(by(i, text[r.offset:end]))
		done = end
	}
	return b.String() + text[done:]
}

// prefixNotIn begins names of variables that a text cannot have.
func prefixNotIn(text string) string {
	for n := 0; ; n++ {
		if prefix := fmt.Sprintf("probe%d_", n); !strings.Contains(text, prefix) {
			return prefix
		}
	}
}

// warnUnset is one warning of all references of an env file, or of the compose files, each with its place; none without any. docker
// compose warns of each in a line of its own, and goes on.
func warnUnset(places []string, advice string) []string {
	var once []string
	for _, p := range places {
		if !slices.Contains(once, p) {
			once = append(once, p)
		}
	}
	if len(once) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("a variable that is not set counts as empty: %s; %s", strings.Join(once, ", "), advice)}
}
