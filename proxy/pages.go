package proxy

import (
	_ "embed"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// The pages have holes like {title}, which a replacer fills. A template engine would be more than they need, and would make the linker
// keep every exported method of the whole program: a fifth of its size.
var (
	//go:embed pages/answer.html
	answerHTML string
	//go:embed pages/waiting.html
	waitingHTML string
	//go:embed pages/style.css
	styleCSS string
)

// answerPage is an answer for a browser.
func answerPage(a *answer) string {
	hint := ""
	if a.hint != "" {
		hint = "<code>" + html.EscapeString(a.hint) + "</code>"
	}
	return strings.NewReplacer(
		"{style}", styleCSS,
		"{status}", strconv.Itoa(a.status),
		"{title}", html.EscapeString(http.StatusText(a.status)),
		"{message}", html.EscapeString(a.message),
		"{hint}", hint,
	).Replace(answerHTML)
}

// waitingPage is the answer of a server that starts, for a browser.
func waitingPage(a *answer) string {
	stage := ""
	if a.start.Stage != "" {
		stage = "Stage " + html.EscapeString(a.start.Stage) + " · "
	}
	var steps strings.Builder
	for _, s := range a.start.Steps {
		fmt.Fprintf(&steps, "<li class=\"%[1]s\"><span>%[2]s</span><span>%[1]s</span></li>\n", html.EscapeString(s.State), html.EscapeString(s.Name))
	}
	return strings.NewReplacer(
		"{style}", styleCSS,
		"{upstream}", html.EscapeString(a.start.Upstream),
		"{stage}", stage,
		"{seconds}", strconv.Itoa(a.start.Seconds),
		"{steps}", steps.String(),
		"{hint}", html.EscapeString(a.hint),
	).Replace(waitingHTML)
}
