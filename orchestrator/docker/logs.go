package docker

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

const (
	maxLine    = 1 << 20 // bytes; what a container writes without a line end comes in pieces of this size
	remembered = 16      // lines, by which the end of a followed log is found again
)

// Logs calls f for each line a container wrote, both streams in the order the engine kept them.
func (e *Engine) Logs(ctx context.Context, name string, o orchestrator.LogOptions, f func(orchestrator.LogLine)) error {
	err := e.logs(ctx, name, o, f)
	if o.Follow && ctx.Err() != nil {
		return nil
	}
	return e.fault(ctx, fmt.Sprintf("reading the log of container %q", name), err)
}

func (e *Engine) logs(ctx context.Context, name string, o orchestrator.LogOptions, f func(orchestrator.LogLine)) error {
	if err := checkName(name); err != nil {
		return err
	}
	r, err := e.api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil || r.Container.Config == nil {
		return err
	}
	l := log{e.api, r.Container.ID, r.Container.Config.Tty}
	if !o.Follow {
		return l.read(ctx, o, f)
	}
	return l.follow(ctx, o, f)
}

// log is a container's log.
type log struct {
	api      *client.Client
	id       string
	terminal bool
}

// follow reads on until the container ends, and then what the engine kept to itself: seen on Docker 20.10, it ends the stream when
// the container ends, sometimes before it has sent what was written last.
func (l log) follow(ctx context.Context, o orchestrator.LogOptions, f func(orchestrator.LogLine)) error {
	rest := orchestrator.LogOptions{Since: o.Since, Until: o.Until, Tail: o.Tail}
	if o.Tail < 0 {
		now, err := l.api.Info(ctx, client.InfoOptions{})
		if err != nil {
			return err
		}
		rest.Since, rest.Tail = stamp(now.Info.SystemTime), 0
	}
	var last []orchestrator.LogLine
	err := l.read(ctx, o, func(line orchestrator.LogLine) {
		last = append(last[max(0, len(last)+1-remembered):], line)
		f(line)
	})
	if err != nil || ctx.Err() != nil {
		return err
	}
	if len(last) > 0 { // the stamps of the two streams may cross
		first := slices.MinFunc(last, func(a, b orchestrator.LogLine) int { return a.Time.Compare(b.Time) })
		rest.Since, rest.Tail = first.Time, 0
	}
	err = l.read(ctx, rest, func(line orchestrator.LogLine) {
		if i := slices.Index(last, line); i >= 0 {
			last = slices.Delete(last, i, i+1)
		} else if len(last) == 0 {
			f(line)
		}
	})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil // it was removed as soon as it ended
	}
	return err
}

// read reads the log once. A line without an end is given at the end of what there is, not where following it stopped.
func (l log) read(ctx context.Context, o orchestrator.LogOptions, f func(orchestrator.LogLine)) error {
	body, err := l.api.ContainerLogs(ctx, l.id, logOptions(o))
	if err != nil {
		return err
	}
	defer body.Close()
	out, errs := &lineWriter{f: f, unframed: l.terminal}, &lineWriter{f: f, stderr: true}
	if l.terminal {
		_, err = io.Copy(out, body)
	} else {
		_, err = stdcopy.StdCopy(out, errs, body)
	}
	if !o.Follow {
		out.flush()
		errs.flush()
	}
	return err
}

func logOptions(o orchestrator.LogOptions) client.ContainerLogsOptions {
	opts := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: o.Follow, Tail: "all"}
	switch {
	case o.Tail > 0:
		opts.Tail = strconv.Itoa(o.Tail)
	case o.Tail < 0:
		opts.Tail = "0"
	}
	opts.Since, opts.Until = unix(o.Since), unix(o.Until)
	return opts
}

// unix is a time as the API takes it without losing nanoseconds; the zero time is none.
func unix(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}
