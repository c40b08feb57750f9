package certs

import (
	"context"
	"os"
	"time"
)

const browserLimit = 30 * time.Second

// browse sends a browser of Chromium's family to the server, headless and with a profile of its own. The database it
// reads is the user's, found from Home and the XDG variables. The error names what it had against the server.
func (e Env) browse(ctx context.Context, p *proof, browser string) error {
	profile, err := e.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	argv := []string{browser, "--headless", "--disable-gpu", "--no-first-run", "--user-data-dir=" + profile,
		"--virtual-time-budget=3000", "--dump-dom", p.url()}
	if e.UID == 0 && e.Owner == nil {
		argv = append(argv, "--no-sandbox") // it refuses to start as root with one
	}
	answer, err := e.do(ctx, Command{Argv: argv, As: e.Owner, Limit: browserLimit})
	if err != nil {
		return err
	}
	// Its exit status is 0 after a refused certificate too: the marker decides.
	return p.confirm(browser, answer)
}
