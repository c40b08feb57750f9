package certs

import (
	"bytes"
	"fmt"
	"strings"
)

// What a command may write, in bytes: a listing is far from it, and memory is not for a program to fill that has gone wrong.
const (
	maxStdout = 16 << 20
	maxStderr = 64 << 10
)

// A capture keeps what a command writes, up to a limit at which the command is ended.
type capture struct {
	most     int
	full     func() // ends the command
	data     []byte
	overflow error // that it wrote more
}

func (c *capture) Write(p []byte) (int, error) {
	if c.overflow == nil && len(c.data)+len(p) > c.most {
		c.overflow = fmt.Errorf("it was ended, because it wrote more than %d KiB", c.most>>10)
		c.full()
	}
	if c.overflow != nil {
		return 0, c.overflow
	}
	c.data = append(c.data, p...)
	return len(p), nil
}

// tail is what fits into a message.
func (c *capture) tail() string {
	const most = 1000
	return strings.ToValidUTF8(string(bytes.TrimSpace(c.data[max(0, len(c.data)-most):])), "")
}
