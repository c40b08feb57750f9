package compose

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lettaYAML is the stack that runs where nobody brings another. It is written to be read and copied.
//
//go:embed letta.yaml
var lettaYAML []byte

// embeddedName is how messages call the embedded file.
const embeddedName = "letta.yaml (built in)"

// maxFileBytes bounds a compose file; compose files are a few KiB, and whatever is larger is something else.
const maxFileBytes = 1 << 20

// source is one file as it was read.
type source struct {
	name string // as the person named it, for messages
	path string // absolute; empty for the embedded stack
	data []byte
}

// sources reads the files a person named, else those found in dir, else the embedded stack.
func sources(dir string, files []string) ([]source, error) {
	if len(files) == 0 {
		files = discover(dir)
	}
	if len(files) == 0 {
		return []source{{name: embeddedName, data: lettaYAML}}, nil
	}
	var all []source
	for _, name := range files {
		s := source{name: name, path: within(dir, name)}
		var err error
		if s.data, err = readFile(s.path, maxFileBytes); err != nil {
			return nil, &FileError{File: name, What: fmt.Sprintf("cannot read the compose file: %v", err), Err: err,
				Advice: "name it with -f FILE, or leave -f out to run the built-in stack"}
		}
		all = append(all, s)
	}
	return all, nil
}

// discover finds the files docker compose would take in a folder: the first name of each list that exists.
// https://docs.docker.com/compose/how-tos/multiple-compose-files/merge/
func discover(dir string) []string {
	base := first(dir, "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
	if base == nil {
		return nil
	}
	return append(base, first(dir, "compose.override.yml", "compose.override.yaml",
		"docker-compose.override.yml", "docker-compose.override.yaml")...)
}

func first(dir string, names ...string) []string {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return []string{name} // also one that cannot be read: it is there, so it is not to be passed over
		}
	}
	return nil
}

func within(dir, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path) // before Open, which would wait for the writer of a fifo
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, bare(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("larger than %d KiB", limit>>10)
	}
	return data, nil
}

// bare takes the operation and the path off an error: the message around it names the file already.
func bare(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
