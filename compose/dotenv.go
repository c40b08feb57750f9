package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/joho/godotenv"
)

// maxDotenvBytes bounds a .env file, for a quoted value is read anew with every line it runs over. maxExpansion bounds what the
// variables in one value may come to: ten lines of B=$A$A… can stand for a gigabyte.
const (
	maxDotenvBytes = 64 << 10
	maxExpansion   = 256 << 10
)

// dotenvStatement is a line, with those after it that a quoted value runs over.
type dotenvStatement struct {
	text  string
	line  int
	unset []unsetReference
}

// readDotenv adds the variables of a .env file to vars, as docker compose does: values may name what lookup knows, which wins, and
// what stands in vars before them. name is the file's name in messages. The notes are on lines that say nothing, and on those that
// github.com/joho/godotenv, and with it many other programs, would read otherwise; the warnings on variables that are not set. None of
// them and no error quotes a line, but for the NAME of a ${NAME}: a file with secrets may hold one anywhere, and many a password has a $.
func readDotenv(name, path string, vars map[string]string, lookup dotenv.LookupFn) (notes, warnings []string, err error) {
	data, err := readFile(path, maxDotenvBytes)
	if err != nil {
		advice := toRead(name, err)
		if errors.Is(err, fs.ErrNotExist) {
			advice = missingAdvice(path)
		}
		return nil, nil, &FileError{File: name, What: fmt.Sprintf("cannot read the variables: %v", err), Err: err, Advice: advice}
	}
	text := strings.TrimPrefix(string(data), "\uFEFF") // Windows editors begin a file with a byte order mark
	statements, line, err := parseDotenv(text, vars, lookup)
	if err != nil {
		return nil, nil, &FileError{File: name, Line: line, What: err.Error(),
			Advice: fmt.Sprintf("correct %s; a value with special characters goes into single quotes: NAME='VALUE'", place(name, line))}
	}
	warnings = warnUnset(unsetPlaces(name, statements), "set it in a line above or in the environment, and put a value with a $ that is meant as it stands into single quotes")
	return remarks(name, statements, lookup), warnings, nil
}

// parseDotenv hands the text to compose-go statement by statement: its own line numbers are wrong after a quoted value, and
// its messages hold the values, which are secrets. The line is that of the mistake when there is one.
func parseDotenv(text string, vars map[string]string, lookup dotenv.LookupFn) (statements []dotenvStatement, line int, err error) {
	known := func(name string) (string, bool) {
		if v, ok := lookup(name); ok {
			return v, true
		}
		v, ok := vars[name]
		return v, ok
	}
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); {
		n := statementLines(lines[i:])
		s := dotenvStatement{text: strings.Join(lines[i:i+n], ""), line: i + 1}
		found, err := s.read(known)
		if err != nil {
			return nil, i + 1, err
		}
		maps.Copy(vars, found)
		statements = append(statements, s)
		i += n
	}
	return statements, 0, nil
}

// statementLines counts the first line, and those after it that a quoted value runs over. That is decided by quotes, not by variables.
func statementLines(lines []string) int {
	for n := 1; ; n++ {
		_, err := dotenv.UnmarshalWithLookup(strings.ReplaceAll(strings.Join(lines[:n], ""), "$", "_"), nil)
		if !unterminated(err) || n == len(lines) {
			return n
		}
	}
}

// read returns the variables of the statement, and keeps the references in it that came to nothing.
func (s *dotenvStatement) read(lookup dotenv.LookupFn) (vars map[string]string, err error) {
	room := maxExpansion
	vars, s.unset, err = expand(s.text, lookup, func(name string) (string, bool) {
		value, ok := lookup(name)
		if room -= len(value); room < 0 {
			return "", ok
		}
		return value, ok
	}, func(vars map[string]string, name string) bool { _, ok := vars[name]; return ok }, dotenv.UnmarshalWithLookup)
	if room < 0 {
		return nil, errors.New("the variables in it come to more than 256 KiB")
	}
	if _, nameless := vars[""]; nameless && err == nil {
		return nil, errors.New("no NAME= at the start of the line")
	}
	return vars, plain(err)
}

// unsetPlaces are the references to variables that are not set, each with its line. A name without braces may be a part of a password,
// and is not shown.
func unsetPlaces(name string, statements []dotenvStatement) []string {
	var places []string
	for _, s := range statements {
		for _, r := range s.unset {
			shown := "$…"
			if r.braced {
				shown = r.name
			}
			places = append(places, fmt.Sprintf("%s (%s)", shown, place(name, s.line+strings.Count(s.text[:r.offset], "\n"))))
		}
	}
	return places
}

func unterminated(err error) bool {
	return err != nil && strings.Contains(err.Error(), "unterminated quoted value")
}

// plain says what is wrong without quoting the line, as compose-go's own message does: the line holds a secret.
func plain(err error) error {
	var missing *template.MissingRequiredError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return errors.New("a variable that is required here is not set")
	case unterminated(err):
		return errors.New("a quote is opened and not closed")
	case strings.Contains(err.Error(), "key cannot contain a space"):
		return errors.New("a space in the variable's name")
	case strings.Contains(err.Error(), "in variable name"):
		return errors.New("a variable's name has letters, digits, _ . and - only, and = after it")
	default:
		return errors.New("a value with ${ that cannot be read")
	}
}

// remarks are on lines that take a variable of the environment that is not there, which docker compose passes over in silence: most
// are a secret without its name. And on those that godotenv reads otherwise than compose-go does
// (https://github.com/joho/godotenv/pull/268). For that each statement is read alone, without any variable: only a difference of
// syntax counts, and nothing can unfold, for godotenv does that without bound.
func remarks(name string, statements []dotenvStatement, lookup dotenv.LookupFn) []string {
	var notes []string
	for _, s := range statements {
		ours, err := s.read(func(string) (string, bool) { return "", false })
		theirs, theirErr := godotenv.Unmarshal(s.text)
		inherits := ""
		if err == nil && len(ours) == 0 {
			_, _ = dotenv.UnmarshalWithLookup(s.text, func(name string) (string, bool) { inherits = name; return "", true })
		}
		if _, known := lookup(inherits); inherits != "" && !known {
			notes = append(notes, place(name, s.line)+": a line without = takes the variable of that name from the environment, which has none")
		} else if err != nil || theirErr != nil || !maps.Equal(ours, theirs) {
			notes = append(notes, place(name, s.line)+": other programs read this line differently; letta-dev reads it as docker compose does "+
				"(single quotes make a value mean the same everywhere)")
		}
	}
	return notes
}
