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
	text string
	line int
}

// readDotenv adds the variables of a .env file to vars, as docker compose does: values may name what lookup knows, which wins, and
// what stands in vars before them. name is the file's name in messages. The notes are on lines that say nothing, and on those that
// github.com/joho/godotenv, and with it many other programs, would read otherwise. No note and no error quotes a line: a file with
// secrets may hold one anywhere.
func readDotenv(name, path string, vars map[string]string, lookup dotenv.LookupFn) (notes []string, err error) {
	data, err := readFile(path, maxDotenvBytes)
	if err != nil {
		advice := toRead(name, err)
		if errors.Is(err, fs.ErrNotExist) {
			advice = missingAdvice(path)
		}
		return nil, &FileError{File: name, What: fmt.Sprintf("cannot read the variables: %v", err), Err: err, Advice: advice}
	}
	text := strings.TrimPrefix(string(data), "\uFEFF") // Windows editors begin a file with a byte order mark
	statements, line, err := parseDotenv(text, vars, lookup)
	if err != nil {
		return nil, &FileError{File: name, Line: line, What: err.Error(),
			Advice: fmt.Sprintf("correct %s; a value with special characters goes into single quotes: NAME='VALUE'", place(name, line))}
	}
	return remarks(name, statements, lookup), nil
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
		found, n, err := statement(lines[i:], known)
		if err != nil {
			return nil, i + 1, err
		}
		maps.Copy(vars, found)
		statements = append(statements, dotenvStatement{strings.Join(lines[i:i+n], ""), i + 1})
		i += n
	}
	return statements, 0, nil
}

// statement reads the first line, and as many after it as a quoted value runs over. It returns how many those are.
func statement(lines []string, lookup dotenv.LookupFn) (vars map[string]string, n int, err error) {
	for n = 1; ; n++ {
		room := maxExpansion
		vars, err = dotenv.UnmarshalWithLookup(strings.Join(lines[:n], ""), func(name string) (string, bool) {
			value, ok := lookup(name)
			if room -= len(value); room < 0 {
				return "", ok
			}
			return value, ok
		})
		if room < 0 {
			return nil, n, errors.New("the variables in it come to more than 256 KiB")
		}
		if !unterminated(err) || n == len(lines) {
			break
		}
	}
	if _, nameless := vars[""]; nameless && err == nil {
		return nil, n, errors.New("no NAME= at the start of the line")
	}
	return vars, n, plain(err)
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
		ours, err := dotenv.UnmarshalWithLookup(s.text, nil)
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
