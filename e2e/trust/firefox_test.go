//go:build e2e && linux

package trust

import "context"

// firefox opens every URL in one browser with the user's own profile, by WebDriver BiDi: its answers name the error, its exit
// status and its screenshots do not. The first start makes the profile.
func firefox(ctx context.Context, u *user, before, urls []string) map[string]string {
	said := map[string]string{}
	failed := func(err error) map[string]string {
		for _, url := range urls {
			if said[url] == "" {
				said[url] = err.Error()
			}
		}
		return said
	}
	cmd := u.command(ctx, append(before, "firefox-esr", "--headless", "--remote-debugging-port", "0")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return failed(err)
	}
	if err := cmd.Start(); err != nil {
		return failed(err)
	}
	defer func() { _ = cmd.Wait() }()
	b, err := openBrowser(ctx, stderr)
	if err != nil {
		_ = cmd.Cancel()
		return failed(err)
	}
	for _, url := range urls {
		said[url] = b.open(ctx, url)
	}
	if _, err := b.call(ctx, "browser.close", object{}); err != nil { // not by a signal: the next start would be in safe mode
		_ = cmd.Cancel()
		return failed(err)
	}
	return said
}
