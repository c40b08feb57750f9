package main

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// logsOptions are what `letta-dev logs` was asked for, read and checked.
type logsOptions struct {
	follow   bool
	tail     int // entries of history; allEntries for all
	since    time.Time
	until    time.Time
	grep     *regexp.Regexp // nil for all
	services []string       // empty for all
}

const (
	allEntries  = -1
	defaultTail = 200
)

const logsHint = "letta-dev logs --help"

// read takes the words of the flags.
func (o *logsOptions) read(tail, since, until, grep string, now time.Time) (err error) {
	if o.tail, err = parseTail(tail, since+until+grep == ""); err != nil {
		return err
	}
	if o.since, err = parseWhen("--since", since, now); err != nil {
		return err
	}
	if o.until, err = parseWhen("--until", until, now); err != nil {
		return err
	}
	if o.follow && until != "" {
		return usagef(logsHint, "--follow goes on until Ctrl-C; it does not go with --until")
	}
	if until != "" && o.until.Before(o.since) {
		return usagef(logsHint, "--until %q is before --since %q", until, since)
	}
	o.grep, err = parseGrep(grep)
	return err
}

func parseTail(s string, bounded bool) (int, error) {
	switch {
	case s == "" && bounded:
		return defaultTail, nil
	case s == "", s == "all":
		return allEntries, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, usagef(logsHint, `--tail %q is neither a number of entries nor "all"`, s)
	}
	return n, nil
}

// parseWhen reads a time as a person writes it: how long ago, or when.
func parseWhen(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		if t, err := time.ParseInLocation(time.DateOnly+" "+layout, now.Format(time.DateOnly)+" "+s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("letta-dev logs "+flag+" 10m", "%s %q is no time: neither a duration such as 10m nor a time such as %s",
		flag, s, now.Format(time.RFC3339))
}

// parseGrep compiles a regular expression; its error says where in it the fault is.
func parseGrep(s string) (*regexp.Regexp, error) {
	if s == "" {
		return nil, nil
	}
	re, err := regexp.Compile(s)
	var fault *syntax.Error
	if errors.As(err, &fault) {
		return nil, usagef("letta-dev logs --grep '"+regexp.QuoteMeta(s)+"'", "--grep %q: %s at character %d", s, fault.Code, faultAt(s, fault))
	}
	return re, err
}

// faultAt is the number of the character where a regular expression stops making sense. For a parenthesis too few or too many the
// parser only names the whole expression.
func faultAt(s string, fault *syntax.Error) int {
	switch fault.Code {
	case syntax.ErrMissingParen:
		return len([]rune(s)) + 1
	case syntax.ErrUnexpectedParen:
		for i := range s {
			_, err := syntax.Parse(s[:i+1], syntax.Perl)
			var f *syntax.Error
			if errors.As(err, &f) && f.Code == syntax.ErrUnexpectedParen {
				return len([]rune(s[:i+1]))
			}
		}
	}
	return len([]rune(s[:max(0, strings.Index(s, fault.Expr))])) + 1
}

// asked says whether entries of a source are wanted that a container of that service gives.
func (o *logsOptions) asked(source, service string) bool {
	return len(o.services) == 0 || slices.Contains(o.services, source) || service != "" && slices.Contains(o.services, service)
}

// keeps says whether an entry is wanted.
func (o *logsOptions) keeps(e logEntry) bool {
	return o.asked(e.Source, e.Service) && (o.grep == nil || o.grep.MatchString(e.Text))
}

// within says whether a time is among those asked for.
func (o *logsOptions) within(t time.Time) bool {
	return !t.Before(o.since) && (o.until.IsZero() || !t.After(o.until))
}

// engineOptions are what the engine is asked for each container. It can count entries only where all of them are wanted, up to the
// last.
func (o *logsOptions) engineOptions() orchestrator.LogOptions {
	e := orchestrator.LogOptions{Follow: o.follow, Since: o.since, Until: o.until}
	if o.tail != allEntries && o.grep == nil && o.until.IsZero() && len(o.services) == 0 {
		e.Tail = max(1, o.tail)
	}
	return e
}
