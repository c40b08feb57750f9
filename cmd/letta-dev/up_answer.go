package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/letta-dev/letta-dev/crash"
)

// partingWords are what `up` says in the end beside the addresses. To find them out takes other programs, so it is done while the server starts.
type partingWords struct {
	resolves bool   // the system's resolver knows letta.localhost
	curl     string // what curl has to be told so that it trusts us
	down     string // the command that ends this project
	run      string // and the one that runs a program with its variables
}

func (r *upRun) findWords(ctx context.Context) <-chan partingWords {
	found, flag := make(chan partingWords, 1), r.projectFlag(ctx)
	go func() {
		defer crash.Recover()
		words := partingWords{resolves: r.app.resolves(ctx), down: "letta-dev down" + flag, run: "letta-dev run" + flag + " -- CMD"}
		if r.cfg.CertFile == "" { // who signed another's certificate, and who trusts that, is theirs to know
			words.curl = r.app.curlTrust(ctx, r.files)
		}
		found <- words
	}()
	return found
}

// answer is what `up` prints in the end: the addresses.
func (r *upRun) answer(live *liveStatus) error {
	a, said := r.app, <-r.words
	a.ui.begin("proxy", "").done("%s", ports(live.Listeners))
	a.warnMissing(live.Listeners)
	if !said.resolves && live.covers("letta.localhost") {
		a.noteResolver(live.URLs, said.run)
	}
	return a.ui.answer("up", live, func(w io.Writer) {
		fmt.Fprintln(w)
		for _, u := range live.URLs {
			fmt.Fprintf(w, "   %-32s %s\n", u.URL, u.Note)
		}
		printPolicy(w, live.Policy, true)
		fmt.Fprintf(w, "\n%s\n", a.asTyped(said.parting(live, a.ui.rests)))
	})
}

// parting is the last lines: a first request to make, and how to stop.
func (s partingWords) parting(live *liveStatus, rests bool) string {
	curl := ""
	for _, u := range live.URLs[:min(1, len(live.URLs))] {
		curl = " Try it:  curl " + s.curl + u.URL + "/v1/health/\n"
	}
	switch {
	case live.Background && live.Server.Kind == "demo":
		return curl + " It runs in the background. To stop it:  " + s.down + "   (a demo: no model runs, and nothing is kept)"
	case live.Background:
		return curl + " It runs in the background. To stop it:  " + s.down + "   (data stays)"
	case live.PID != os.Getpid():
		return fmt.Sprintf("%s It runs in another terminal (pid %d), where Ctrl-C stops it. From here:  %s   (data stays)", curl, live.PID, s.down)
	}
	if rests {
		return strings.TrimSuffix(curl, "\n")
	}
	return curl + ctrlC
}

// ctrlC is how a foreground `up` ends. On a terminal it stays below the news.
const ctrlC = " Ctrl-C stops what this command started; data stays. `letta-dev up -d` stays in the background."

// noteResolver says that programs other than browsers and curl will not find letta.localhost here, and which address they will.
func (a *app) noteResolver(urls []serviceURL, run string) {
	for _, u := range urls {
		if strings.Contains(u.URL, "//localhost:") {
			a.ui.note("browsers and curl know letta.localhost; Python and Node do not here, so give them %s, as `%s` does", u.URL, run)
			return
		}
	}
}

// projectFlag is what a command typed in this folder needs to be about this project: -f and --project may have named another than a
// bare command would mean here.
func (r *upRun) projectFlag(ctx context.Context) string {
	if name := r.app.about(ctx, r.project.Name).global.project; name != "" {
		return " --project " + name
	}
	return ""
}
