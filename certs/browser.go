package certs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

const (
	browserLimit = 30 * time.Second
	browserTries = 5 // Chromium stops loading when an interface comes or goes, as each container's does that starts meanwhile
)

// browse sends a browser of Chromium's family to the server, headless and with a profile of its own. The database it
// reads is the user's, found from Home and the XDG variables. It has decided if it shows the page, or names what it has
// against the certificate, which is then the error. Its exit status does not tell: it is 0 in both cases. One that was too
// slow, or could not start, has proven nothing: the error is errNoClient.
func browse(ctx context.Context, e host.Env, p *proof, browser string) error {
	profile, err := e.Scratch("", nil)
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	argv := []string{browser, "--headless", "--disable-gpu", "--no-first-run", "--user-data-dir=" + profile, "--dump-dom"}
	if e.UID == 0 && e.Owner == nil {
		argv = append(argv, "--no-sandbox") // it refuses to start as root with one
	}
	command := host.Command{Argv: append(argv, p.url()), As: e.Owner, Stderr: true, Limit: browserLimit}
	shown, _ := e.Do(ctx, command)
	for tries := 1; bytes.Contains(shown, []byte("net::ERR_NETWORK_CHANGED")) && tries < browserTries; tries++ {
		shown, _ = e.Do(ctx, command)
	}
	if bytes.Contains(shown, []byte(p.marker)) {
		return nil
	}
	if m := regexp.MustCompile(`Page load failed: (net::ERR_CERT\w+)`).FindSubmatch(shown); m != nil {
		return fmt.Errorf("%s says %s", browser, m[1])
	}
	return errNoClient
}
