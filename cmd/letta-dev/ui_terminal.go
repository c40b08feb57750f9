package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/letta-dev/letta-dev/crash"
)

// animate draws the rows under way until stop closes. The channel is an argument because close forgets its own.
func (u *ui) animate(stop <-chan struct{}) {
	defer crash.Recover()
	for {
		select {
		case <-u.ticker.C:
			u.mu.Lock()
			if u.mode == "tty" { // a last tick may come while the output closes
				u.draw()
			}
			u.mu.Unlock()
		case <-stop:
			return
		}
	}
}

// print writes a finished line above the block of rows under way.
func (u *ui) print(s string) {
	fmt.Fprint(u.err, u.erase()+s)
	if u.mode == "tty" {
		u.draw()
	}
}

// draw writes the block again in one go; ?2026 tells terminals that know it not to show the half of it.
func (u *ui) draw() {
	width, height := u.size()
	lines := u.block(width - 1)
	if len(lines) == 0 && u.drawn == 0 {
		return
	}
	if len(lines) > height-2 {
		lines = lines[:max(0, height-2)]
	}
	var b strings.Builder
	b.WriteString("\x1b[?2026h" + u.erase())
	for _, l := range lines {
		b.WriteString(ansi.Truncate(l, width-1, "…") + "\n")
	}
	b.WriteString("\x1b[?2026l")
	fmt.Fprint(u.app.stderr, b.String()) // past the colour filter, which would take the cursor's movements out
	u.drawn = len(lines)
}

// erase moves the cursor to the block's first line and clears from there.
func (u *ui) erase() string {
	if u.drawn == 0 {
		return ""
	}
	n := u.drawn
	u.drawn = 0
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", n)
}

func (u *ui) block(width int) []string {
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	now := u.app.now()
	var lines []string
	for _, r := range u.rows {
		elapsed := now.Sub(r.begin)
		frame := frames[int(elapsed.Milliseconds()/100)%len(frames)]
		begin, end := fmt.Sprintf(" %c %-12s ", frame, r.name), fmt.Sprintf("  %d s", int(elapsed.Seconds()))
		text := ansi.Truncate(r.text, max(0, width-ansi.StringWidth(begin+end)), "…")
		lines = append(lines, begin+text+end)
		lines = append(lines, r.under...)
	}
	if u.resting != "" {
		lines = append(lines, strings.Split(wrapLine(u.resting, width, 0), "\n")...)
	}
	return lines
}

// size is that of the terminal; what it does not say is as usual.
func (u *ui) size() (width, height int) {
	if f, ok := u.app.stderr.(*os.File); ok {
		width, height, _ = term.GetSize(int(f.Fd()))
	}
	return cmp.Or(max(0, width), 80), cmp.Or(max(0, height), 24)
}

// rest keeps a line below all others, where that can be, until the next call; it comes after the answer.
func (u *ui) rest(line string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.rests {
		return
	}
	u.mode, u.resting = "tty", line
	u.draw()
	if line == "" {
		u.mode = "plain"
	}
}

// close ends the drawing; what comes after is plain lines. It may be called again.
func (u *ui) close() {
	u.mu.Lock()
	if u.stop == nil {
		u.mu.Unlock()
		return
	}
	close(u.stop)
	u.stop = nil
	u.ticker.Stop()
	fmt.Fprint(u.app.stderr, u.erase())
	u.mode = "plain"
	u.mu.Unlock()
	u.stopped.Wait()
}
