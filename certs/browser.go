package certs

import (
	"context"
	"os"
	"time"
)

// ProveChromium tries a handshake with a real browser of Chromium's family, headless and with a profile of its own; it
// takes a second or two. The database it reads is the user's, found from Home and the XDG variables of env. The error
// names what the browser had against the server.
func ProveChromium(ctx context.Context, env Env, a *Authority, browser string) error {
	p, err := newProof(a)
	if err != nil {
		return err
	}
	defer p.close()
	profile, err := os.MkdirTemp("", "letta-dev-chromium-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	if err := env.Owner.own(profile); err != nil {
		return err
	}
	argv := []string{browser, "--headless", "--disable-gpu", "--no-first-run", "--user-data-dir=" + profile,
		"--virtual-time-budget=3000", "--dump-dom", p.url()}
	if env.UID == 0 && env.Owner == nil {
		argv = append(argv, "--no-sandbox") // it refuses to start as root with one
	}
	answer, err := env.do(ctx, Command{Argv: argv, As: env.Owner, Limit: 30 * time.Second})
	if err != nil {
		return err
	}
	// Its exit status is 0 after a refused certificate too: the marker decides.
	return p.confirm(browser, answer)
}
