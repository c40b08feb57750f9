package compose

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"strconv"
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
	source string // as it stands in the file
	text   string // without octal escapes
	line   int
	unset  []unsetReference
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
	for line = 1; text != ""; {
		n := statementLength(text)
		s := dotenvStatement{source: text[:n], text: withoutOctal(text[:n]), line: line}
		found, err := s.read(known)
		if err != nil {
			return nil, line, err
		}
		maps.Copy(vars, found)
		statements = append(statements, s)
		line += strings.Count(s.source, "\n")
		text = text[n:]
	}
	return statements, 0, nil
}

// statementLength is that of the first line, and of those after it that a quoted value runs over. A quote that is never closed runs
// over all that is left.
func statementLength(text string) int {
	for n := 0; ; {
		a := nextAssignment(text[n:])
		if n += a.length; n == len(text) || text[n-1] == '\n' {
			return n
		}
	}
}

// dotenvAssignment is a NAME=value, a NAME alone, a comment or an empty line. What follows a quoted value in its line is another one.
type dotenvAssignment struct {
	length     int
	begin, end int // of a value between double quotes
}

// nextAssignment finds the end of the first assignment of a text as compose-go does, which may be wrong in other ways.
func nextAssignment(text string) dotenvAssignment {
	line := text[:cmp.Or(strings.IndexByte(text, '\n')+1, len(text))]
	equals := strings.IndexAny(line, "=:")
	if strings.HasPrefix(strings.TrimSpace(line), "#") || equals < 0 {
		return dotenvAssignment{length: len(line)}
	}
	value := strings.TrimLeft(text[equals+1:], "\t\v\f\r \u0085\u00a0")
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return dotenvAssignment{length: len(line)}
	}
	begin := len(text) - len(value) + 1
	for i := begin; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\'':
			if value[0] == '\'' {
				return dotenvAssignment{length: i + 1}
			}
		case '"':
			if value[0] == '"' {
				return dotenvAssignment{length: i + 1, begin: begin, end: i}
			}
		}
	}
	return dotenvAssignment{length: len(text)}
}

// withoutOctal writes the characters in place of their octal escapes in values in double quotes. compose-go does so before it looks for
// variables: "$A\0070" names A8, and "\0044A" names A. What ends a value, a line or an escape stays escaped.
func withoutOctal(text string) string {
	if !strings.Contains(text, `\0`) {
		return text
	}
	escape := regexp.MustCompile(`(?s)\\(?:0[0-3][0-7]{2}|.)`)
	var b strings.Builder
	for text != "" {
		a := nextAssignment(text)
		b.WriteString(text[:a.begin])
		b.WriteString(escape.ReplaceAllStringFunc(text[a.begin:a.end], func(escaped string) string {
			code, err := strconv.ParseUint(strings.TrimPrefix(escaped, `\0`), 8, 8)
			if err != nil || len(escaped) != len(`\0000`) || strings.ContainsRune("\"\\\n", rune(code)) {
				return escaped
			}
			return string(rune(code))
		}))
		b.WriteString(text[a.end:a.length])
		text = text[a.length:]
	}
	return b.String()
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
	return vars, s.plain(err)
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
func (s *dotenvStatement) plain(err error) error {
	var missing *template.MissingRequiredError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return errors.New("a variable that is required here is not set")
	case unterminated(err):
		return errors.New("a quote is opened and not closed")
	case !strings.ContainsAny(s.text, "=:"): // compose-go reads "NAME: VALUE" too
		return errors.New("no = between the variable's name and its value")
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
		theirs, theirErr := godotenv.Unmarshal(s.source)
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
