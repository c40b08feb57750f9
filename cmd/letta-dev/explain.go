package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy"
	"github.com/letta-dev/letta-dev/proxy/listen"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// The exit codes, the same for every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2   // wrong flags, wrong configuration
	exitNotReady    = 3   // the machine is not: no engine, port taken, no image, CA not trusted, no place for files
	exitUnhealthy   = 4   // it runs and does not answer
	exitBroken      = 126 // as shells say it for a program that cannot be run
	exitAbsent      = 127 // and for one that is not there
	exitInterrupted = 130 // and for SIGINT
)

// hinter is an error that knows the command that helps against it.
type hinter interface{ Hint() string }

// explanation is an error for a person and for a program.
type explanation struct {
	Exit    int    `json:"-"`
	Code    string `json:"code"` // stable, for programs: engine-unreachable, port-taken, …
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // a command to type
}

// usageError is a mistake in the words of a command line.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
func (e *usageError) Hint() string  { return e.hint }

func usagef(hint, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), hint: hint}
}

// explain maps an error to words and codes. It is the only place that does.
func explain(err error) explanation {
	var remote *remoteError
	if errors.As(err, &remote) {
		return remote.explanation
	}
	e := explanation{Exit: exitFailed, Code: "failed", Message: err.Error()}
	var h hinter
	if errors.As(err, &h) {
		e.Hint = h.Hint()
	}
	for _, k := range kinds() {
		if k.is(err) {
			e.Exit, e.Code = k.exit, k.code
			break
		}
	}
	if e.Code == "disk-full" && e.Hint == "" {
		e.Hint = "df -h  # make room, then the same again: nothing was left half written"
	}
	var path *fs.PathError
	if e.Hint == "" && errors.Is(err, fs.ErrPermission) && errors.As(err, &path) {
		e.Hint = "ls -ld " + path.Path + " " + filepath.Dir(path.Path)
	}
	if e.Code == "interrupted" {
		e.Message, e.Hint = "interrupted; what was begun has been taken back, your data stays", ""
		if is[*takeDownError](err) {
			e.Message = "interrupted; what was removed stays removed"
		}
	}
	return e
}

type kind struct {
	code string
	exit int
	is   func(error) bool
}

// kinds are the errors that programs can tell apart, the most telling first.
func kinds() []kind {
	return []kind{
		{"stopped", exitInterrupted, is[*stoppedError]},
		{"interrupted", exitInterrupted, func(err error) bool { return errors.Is(err, context.Canceled) }}, // whatever it interrupted
		{"usage", exitUsage, is[*usageError]},
		{"usage", exitUsage, isBadName},
		{"configuration", exitUsage, is[*compose.FileError]},
		{"usage", exitUsage, is[*bringError]}, // a flag's; a file's is a FileError
		{"configuration", exitUsage, is[*compose.SubsetError]},
		{"configuration", exitUsage, is[*compose.CycleError]},
		{"configuration", exitUsage, is[*compose.NameError]},
		{"configuration", exitUsage, is[*proxy.ConfigError]},
		{"configuration", exitUsage, is[*policy.Error]},
		{"configuration", exitUsage, is[*listen.AddressError]},
		{"configuration", exitUsage, is[*listen.NotLoopbackError]},
		{"configuration", exitUsage, is[*listen.RepeatedAddressError]},
		{"engine-unreachable", exitNotReady, is[*orchestrator.UnreachableError]},
		{"engine-gone", exitNotReady, is[*orchestrator.EngineGoneError]},
		{"image-missing", exitNotReady, is[*orchestrator.PullError]},
		{"port-taken", exitNotReady, is[*orchestrator.PortTakenError]},
		{"port-taken", exitNotReady, is[*listen.PortInUseError]},
		{"port-privileged", exitNotReady, is[*listen.PrivilegeError]},
		{"not-trusted", exitNotReady, is[*trustError]},
		{"locked", exitNotReady, is[*lockedError]},
		{"unresponsive", exitNotReady, is[*unresponsiveError]},
		{"already-served", exitNotReady, is[*alreadyServedError]},
		{"unhealthy", exitUnhealthy, is[*unhealthyError]},
		{"project-elsewhere", exitFailed, is[*elsewhereError]},
		{"project-elsewhere", exitFailed, is[*servedElsewhereError]},
		{"engine-elsewhere", exitFailed, is[*otherEngineError]},
		{"name-taken", exitFailed, is[*orchestrator.NameTakenError]},
		{"not-ours", exitFailed, is[*orchestrator.ForeignError]},
		{"no-such-container", exitFailed, is[*orchestrator.NoSuchContainerError]},
		{"server-died", exitUnhealthy, is[*orchestrator.DiedError]},
		{"server-stuck", exitUnhealthy, is[*orchestrator.StuckError]},
		{"service-unmet", exitUnhealthy, is[*orchestrator.UnmetError]},
		{"server-slow", exitUnhealthy, is[*orchestrator.SlowError]},
		{"server-absent", exitUnhealthy, is[*orchestrator.NoAnswerError]},
		{"server-foreign", exitUnhealthy, is[*orchestrator.NotLettaError]},
		{"unhealthy", exitUnhealthy, is[*orchestrator.PausedError]},
		{"unhealthy", exitUnhealthy, is[*orchestrator.DisconnectedError]},
		{"unhealthy", exitUnhealthy, is[*orchestrator.UnansweredError]},
		{"program-absent", exitAbsent, is[*absentProgramError]},
		{"program-broken", exitBroken, is[*brokenProgramError]},
		{"failed", exitFailed, is[*outputError]}, // of /dev/full too: what the command does is done
		{"disk-full", exitNotReady, isDiskFull},
		{"home-unusable", exitNotReady, is[*homelessError]},
		{"state-unusable", exitNotReady, is[*stateError]},
		{"state-unusable", exitNotReady, is[*recordError]},
		{"data-unusable", exitNotReady, is[*dataError]},
	}
}

// isBadName tells a name or domain that is none from what an authority could not do.
func isBadName(err error) bool {
	var e *host.Error
	return errors.As(err, &e) && e.Usage
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// lines is the explanation as a person reads it: what, why, and last the command to type. The log of a server and the words of an
// engine may be in it.
func (e explanation) lines() string {
	var b strings.Builder
	fmt.Fprintf(&b, "letta-dev: %s\n", printableLines(e.Message))
	if e.Hint != "" {
		fmt.Fprintf(&b, "  try: %s\n", printableLines(e.Hint))
	}
	return b.String()
}
