//go:build e2e && linux

package trust

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// firefoxWaits bounds the start of a Firefox and each of its pages. A refused certificate takes it milliseconds.
const firefoxWaits = 30 * time.Second

// firefox opens every URL in one browser with the user's own profile, by WebDriver BiDi: its answers name the error, its exit
// status and its screenshots do not. The first start makes the profile. A browser that stopped answering is started once more, for
// the URLs that are left.
func firefox(ctx context.Context, u *user, before, urls []string) map[string]string {
	said := map[string]string{}
	err := firefoxOpens(ctx, u, before, urls, said)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = errors.Join(err, firefoxOpens(ctx, u, before, urls, said))
	}
	for _, url := range urls {
		if said[url] == "" {
			said[url] = fmt.Sprint(err)
		}
	}
	return said
}

// firefoxOpens opens the URLs of which nothing has been said, and adds what the browser said of each.
func firefoxOpens(ctx context.Context, u *user, before, urls []string, said map[string]string) error {
	cmd := u.command(ctx, append(before, "firefox-esr", "--headless", "--remote-debugging-port", "0")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		late := time.AfterFunc(firefoxWaits, func() { _ = cmd.Cancel() })
		defer late.Stop()
		_ = cmd.Wait()
	}()
	soon, cancel := context.WithTimeout(ctx, firefoxWaits)
	defer cancel()
	unread := context.AfterFunc(soon, func() { _ = stderr.Close() }) // ends the wait for the browser's address
	b, err := openBrowser(soon, stderr)
	if unread(); err != nil {
		_ = cmd.Cancel()
		return errors.Join(err, soon.Err())
	}
	for _, url := range urls {
		if said[url] != "" {
			continue
		}
		page, err := b.openWithin(ctx, firefoxWaits, url)
		if err != nil {
			_ = cmd.Cancel()
			return fmt.Errorf("%s: %w", url, err)
		}
		said[url] = page
	}
	last, cancel := context.WithTimeout(ctx, firefoxWaits)
	defer cancel()
	if _, err := b.call(last, "browser.close", object{}); err != nil { // not by a signal: the next start would be in safe mode
		_ = cmd.Cancel()
		return err
	}
	return nil
}
