package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// meantWord is the candidate that a word was most likely meant to be: one with a third of its letters wrong at most, and of several the one
// that begins alike. It is empty where the word is none of them.
func meantWord(word string, candidates []string) string {
	word = strings.ToLower(word)
	best, found := 2*max(1, len(word)/3)+2, ""
	if len(word) < 2 {
		return ""
	}
	for _, c := range candidates {
		d := 2 * distance(word, c)
		if c[0] != word[0] {
			d++
		}
		if d < best {
			best, found = d, c
		}
	}
	if found != "" || len(word) < 3 {
		return found
	}
	for _, c := range candidates {
		if strings.HasPrefix(c, word) || strings.HasPrefix(word, c+"-") {
			return c
		}
	}
	return ""
}

// distance is the number of letters that have to be put in, left out, replaced, or exchanged with the next one, to make a word another
// (the optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			rows[i][j] = min(replaced, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// wrongFlag is the error of a flag that a command does not have, or of its value. Its advice names the flag that was meant.
func wrongFlag(cmd *cobra.Command, err error) error {
	hint := "--help"
	if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) {
		if meant := meantFlag(cmd, unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()); meant != "" {
			hint = "--" + meant
		}
	}
	return usagef(cmd.CommandPath()+" "+hint, "%w", err)
}

// meantFlag is the flag of a command that was meant by one that it does not have: by its name, or by a letter in a group like -xvf.
func meantFlag(cmd *cobra.Command, name, letters string) string {
	var flags []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags = append(flags, f.Name)
		}
	})
	// What docker and docker compose call what we have under another name.
	elsewhere := map[string]string{"n": "tail", "lines": "tail", "p": "project", "t": "wait-timeout", "timeout": "wait-timeout"}
	if meant := elsewhere[name]; meant != "" && len(letters) < 2 && cmd.Flags().Lookup(meant) != nil {
		return meant
	}
	if letters == "" {
		return meantWord(name, flags)
	}
	var begin []string
	for _, f := range flags {
		if len(letters) > 2 && strings.HasSuffix(f, letters) { // a name after one dash, whose first letters may be flags
			return f
		}
		if strings.HasPrefix(f, strings.ToLower(name)) {
			begin = append(begin, f)
		}
	}
	if len(letters) == 1 && len(begin) == 1 {
		return begin[0]
	}
	return ""
}

// meantCommand is the command below cmd that was meant by a word; empty where it is none of them.
func meantCommand(cmd *cobra.Command, word string) string {
	var names []string
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() && c.Name() != "help" {
			continue
		}
		for _, other := range c.SuggestFor {
			if strings.EqualFold(other, word) {
				return c.Name()
			}
		}
		names = append(names, c.Name())
	}
	return meantWord(word, names)
}
