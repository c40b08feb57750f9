package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/joho/godotenv"

	"github.com/letta-dev/letta-dev/certs/clientenv"
)

// unwritableError says that a format has no way to write a value.
type unwritableError struct{ name, format string }

func (e *unwritableError) Error() string {
	return fmt.Sprintf("the value of %s cannot be written as %s", e.name, e.format)
}

// Hint names the format that can hold any.
func (e *unwritableError) Hint() string { return "letta-dev env --shell sh" }

// writeVariables writes variables so that the reader of the format gets their values back, byte by byte.
func writeVariables(format string, vars []clientenv.Variable) (string, error) {
	if format == "json" {
		return writeJSON(vars)
	}
	var b strings.Builder
	for _, v := range vars {
		switch format {
		case "sh":
			fmt.Fprintf(&b, "export %s='%s'\n", v.Name, strings.ReplaceAll(v.Value, "'", `'\''`))
		case "fish":
			fmt.Fprintf(&b, "set -gx %s '%s'\n", v.Name, strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(v.Value))
		case "dotenv":
			line, ok := dotenvLine(v)
			if !ok {
				return "", &unwritableError{v.Name, format}
			}
			b.WriteString(line)
		}
	}
	return b.String(), nil
}

func writeJSON(vars []clientenv.Variable) (string, error) {
	all := map[string]string{}
	for _, v := range vars {
		if !utf8.ValidString(v.Value) {
			return "", &unwritableError{v.Name, "JSON"}
		}
		all[v.Name] = v.Value
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(all)
	return b.String(), err
}

// dotenvLine writes a variable for a .env file. Such files have no standard, and the readers differ in what they take for a quote and an
// escape, so the plainest form is taken that godotenv reads as the value; there need not be one.
func dotenvLine(v clientenv.Variable) (line string, ok bool) {
	forms := []string{
		"'" + v.Value + "'",
		`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`, "\r", `\r`).Replace(v.Value) + `"`,
		v.Value,
	}
	if regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`).MatchString(v.Value) {
		forms = forms[2:]
	}
	for _, form := range forms {
		line := v.Name + "=" + form + "\n"
		// Another line after it, which a quote that does not end would swallow.
		read, err := godotenv.Unmarshal(line + "NEXT=line\n")
		if err == nil && len(read) == 2 && read[v.Name] == v.Value && read["NEXT"] == "line" {
			return line, true
		}
	}
	return "", false
}
