package demo

import (
	"debug/elf"
	"fmt"
	"io"
)

// ExecutableError says why an executable cannot be the demo image.
type ExecutableError struct {
	Reason string // what it is instead of a static linux executable
	Err    error  // the cause, where there is one
}

// Error says what the executable is instead, and the cause.
func (e *ExecutableError) Error() string {
	text := "this letta-dev cannot run in a container: it is " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *ExecutableError) Unwrap() error { return e.Err }

// Hint is the command that makes an executable that can.
func (e *ExecutableError) Hint() string {
	return "CGO_ENABLED=0 GOOS=linux go build -o letta-dev ./cmd/letta-dev"
}

// inspect returns the GOARCH of a static linux executable.
func inspect(exe io.ReaderAt) (string, error) {
	f, err := elf.NewFile(exe)
	if err != nil {
		return "", &ExecutableError{Reason: "not a linux executable", Err: err}
	}
	// Go marks its linux executables with no ABI at all, its freebsd ones with
	// theirs.
	if f.OSABI != elf.ELFOSABI_NONE && f.OSABI != elf.ELFOSABI_LINUX {
		return "", &ExecutableError{Reason: fmt.Sprintf("an executable for %s, not linux", f.OSABI)}
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", &ExecutableError{Reason: "dynamically linked, and the image has no libraries"}
		}
	}
	switch f.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	}
	return "", &ExecutableError{Reason: fmt.Sprintf("for the processor %s, not amd64 or arm64", f.Machine)}
}
