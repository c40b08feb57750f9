package main

import (
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// A line that is longer than the terminal is wide is broken between words, and goes on under its last column, or a little to the right of its
// beginning. What is to be typed is never broken: a command that does not fit goes to a line of its own, and one that is longer than
// that the terminal breaks itself, which no copy contains. The comment after a command stays a comment on each line. Where
// there is no terminal, lines are as long as they are.

// widthOf is the width of a terminal in columns; 0 for what is none, or does not say.
func widthOf(w any) int {
	if o, ok := w.(*output); ok {
		w = o.to
	}
	f, ok := w.(*os.File)
	if !ok || f == nil {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// wrapWriter wraps the lines that are written to it. What follows the last line end waits for flush.
type wrapWriter struct {
	to      io.Writer
	width   int
	partial string
}

func (w *wrapWriter) Write(p []byte) (int, error) {
	text := w.partial + string(p)
	end := strings.LastIndexByte(text, '\n') + 1
	w.partial = text[end:]
	if end == 0 {
		return len(p), nil
	}
	_, err := io.WriteString(w.to, wrapLines(text[:end], w.width, 0))
	return len(p), err
}

func (w *wrapWriter) flush() {
	_, _ = io.WriteString(w.to, wrapLine(w.partial, w.width, 0)) // output keeps the error
	w.partial = ""
}

// flush is the hang of a paragraph.
const flush = -1

// paragraphs wraps a text whose paragraphs were broken for another width.
func paragraphs(text string, width int) string {
	if width < minWidth {
		return text
	}
	return wrapLines(regexp.MustCompile(`(\S)\n(\S)`).ReplaceAllString(text, "$1 $2"), width, flush)
}

// wrapLines wraps each line of a text. hang is where the lines that come of one begin; 0: as the line itself has it.
func wrapLines(text string, width, hang int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		out.WriteString(wrapLine(bare, width, hang) + line[len(bare):])
	}
	return out.String()
}

// minWidth is the narrowest terminal that lines are broken for, and minColumn the narrowest column: a narrower one is left for the
// left of the screen.
const (
	minWidth  = 20
	minColumn = 30
)

func wrapLine(line string, width, hang int) string {
	if width < minWidth || ansi.StringWidth(line) <= width {
		return line
	}
	left, narrow := indentOf(line), 0 // narrow is where a column begins that goes below the others
	switch {
	case hang == flush:
		hang = left
	case hang == 0:
		hang = columnOf(line)
		if hang > left+2 && width-hang < minColumn {
			narrow = hang
		}
	}
	if width-hang < minColumn && hang > left {
		hang = left + 2
	}
	var out strings.Builder
	column, comment := 0, strings.HasPrefix(line[left:], "#")
	for i, word := range unbroken(line) {
		text := strings.TrimLeft(word, " ")
		wide := ansi.StringWidth(text)
		comment = comment || i > 0 && strings.HasPrefix(text, "#")
		end := column + ansi.StringWidth(word)
		if i == 0 || end <= width && end-wide != narrow {
			out.WriteString(word)
			column = end
			continue
		}
		narrow = 0
		indent := max(min(hang, width-wide), min(left, hang))
		if comment && !strings.HasPrefix(text, "#") {
			text = "# " + text
		}
		out.WriteString("\n" + strings.Repeat(" ", indent) + text)
		column = indent + ansi.StringWidth(text)
	}
	return out.String()
}

// indentOf is where a line begins.
func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// columnOf is where the last column of a line begins, if there are any: behind two spaces or more.
func columnOf(line string) int {
	bare := ansi.Strip(line)
	left := indentOf(bare)
	gaps := regexp.MustCompile(` {2,}`).FindAllStringIndex(bare, -1)
	for i := len(gaps) - 1; i >= 0; i-- {
		if at := gaps[i]; at[0] > left && bare[at[1]-1:] != " " && !strings.HasPrefix(bare[at[1]:], "#") {
			return ansi.StringWidth(bare[:at[1]])
		}
	}
	return left + 2
}

// unbroken splits a line where it may be broken; each has the spaces before it.
func unbroken(line string) []string {
	whole := toType(line)
	var found []string
	begin := 0
	for i := 1; i < len(line); i++ {
		if line[i] == ' ' && line[i-1] != ' ' && !inside(whole, i) {
			found = append(found, line[begin:i])
			begin = i
		}
	}
	return append(found, line[begin:])
}

func inside(spans [][]int, at int) bool {
	for _, s := range spans {
		if s[0] <= at && at < s[1] {
			return true
		}
	}
	return false
}

// toType finds the commands in a line: what stands in backticks; what follows "try:"; what begins with a program's name after a colon, a
// semicolon or the indentation; and a command of ours anywhere.
func toType(line string) [][]int {
	const end = `(?:  +[#(].*)?$`
	ours := `(?:[^\s` + "`" + `(]*/)?letta-dev (?:--|(?:` + projectCommands + "|" + otherCommands + `)\b)`
	programs := `(?:[A-Z_]+=\S* )*(?:` + ours + `|(?:sudo|sudoedit|docker|podman|curl|ls|mkcert|rm|unset|export|chmod|openssl|certutil|df|kill|pgrep|eval|systemctl) )`
	var spans [][]int
	for _, form := range []string{
		"(`[^`]+`)",
		`^ *try: (.*?)` + end,
		`(?:: +|; |^ {2,})(` + programs + `.*?)` + end,
		"(" + ours + "[^`;()]*?)(?:, | {2,}|[`;)]|$)",
	} {
		for _, at := range regexp.MustCompile(form).FindAllStringSubmatchIndex(line, -1) {
			spans = append(spans, at[2:4])
		}
	}
	return spans
}
