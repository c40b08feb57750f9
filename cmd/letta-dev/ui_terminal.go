package main

import (
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
	lines := u.block()
	if len(lines) == 0 && u.drawn == 0 {
		return
	}
	width, height := u.size()
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

func (u *ui) block() []string {
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	now := u.app.now()
	var lines []string
	for _, r := range u.rows {
		elapsed := now.Sub(r.begin)
		frame := frames[int(elapsed.Milliseconds()/100)%len(frames)]
		lines = append(lines, fmt.Sprintf(" %c %-12s %s  %d s", frame, r.name, r.text, int(elapsed.Seconds())))
		lines = append(lines, r.under...)
	}
	return lines
}

func (u *ui) size() (width, height int) {
	if f, ok := u.app.stderr.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
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
