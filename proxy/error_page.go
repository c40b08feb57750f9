package proxy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The pages have holes like {title}, which a replacer fills. A template engine would be more than they need, and would make the linker
// keep every exported method of the whole program: a fifth of its size.
var (
	//go:embed pages/answer.html
	answerHTML string
	//go:embed pages/waiting.html
	waitingHTML string
	//go:embed pages/waiting.js
	waitingJS string
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

// waitingPage is the answer for a server that starts or does not answer, for a browser.
func waitingPage(a *answer) string {
	return strings.NewReplacer(
		"{style}", styleCSS,
		"{script}", waitingJS,
		"{heading}", html.EscapeString(a.start.Heading),
		"{cause}", html.EscapeString(a.start.Cause),
		"{stage}", html.EscapeString(a.start.stageText()),
		"{seconds}", strconv.Itoa(a.start.Seconds),
		"{last}", a.start.lastText(),
		"{steps}", a.start.stepsHTML(),
		"{hint}", html.EscapeString(a.hint),
	).Replace(waitingHTML)
}

// waitingPolicy lets the waiting page run its own script, and that one ask us how
// the start goes (CSP Level 3, section 2.3.1).
func waitingPolicy() string {
	sum := sha256.Sum256([]byte(waitingJS))
	return "; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; connect-src 'self'"
}

// stageText is what stands before the seconds.
func (v *startView) stageText() string {
	if v.Stage == "" {
		return ""
	}
	return "Stage " + v.Stage + " · "
}

// lastText is what there is to expect.
func (v *startView) lastText() string {
	if v.Last <= 0 {
		return ""
	}
	return fmt.Sprintf(" · the last start took %d s", int(v.Last.Round(time.Second).Seconds()))
}

func (v *startView) stepsHTML() string {
	var steps strings.Builder
	for _, s := range v.Steps {
		fmt.Fprintf(&steps, "<li class=\"%[1]s\"><span>%[2]s</span><span>%[1]s</span></li>\n", html.EscapeString(s.State), html.EscapeString(s.Name))
	}
	return steps.String()
}
