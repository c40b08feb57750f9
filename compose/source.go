package compose

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

func embedded() source { return source{name: embeddedName, data: lettaYAML} }

// sources reads the files a person named, else those of COMPOSE_FILE, else those found in the folder, else the embedded stack.
func (l *loading) sources(files []string) ([]source, error) {
	advice := func(string, error) string { return "name it with -f FILE, or leave -f out to run the built-in stack" }
	if len(files) == 0 {
		var err error
		if files, err = l.composeFile(); err != nil {
			return nil, err
		}
		advice = func(string, error) string { return l.adviceOn("COMPOSE_FILE") }
	}
	if len(files) == 0 {
		files, advice = l.discover(), toRead
	}
	if len(files) == 0 {
		return []source{embedded()}, nil
	}
	var all []source
	for _, name := range files {
		s := source{name: name, path: within(l.dir, name)}
		var err error
		if s.data, err = readFile(s.path, maxFileBytes); err != nil {
			return nil, &FileError{File: name, What: fmt.Sprintf("cannot read the compose file: %v", err), Err: err, Advice: advice(name, err)}
		}
		all = append(all, s)
	}
	return all, nil
}

// discover finds the files docker compose would take in the folder: the first name of each list that exists. Those that are passed
// over are said. https://docs.docker.com/compose/how-tos/multiple-compose-files/merge/
func (l *loading) discover() []string {
	names := []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	overrides := present(l.dir, "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml")
	found := present(l.dir, names...)
	if len(found) == 0 {
		for _, name := range overrides {
			l.note("%s is not read: there is no compose.yaml here that it could be laid over", name)
		}
		l.noteAbove(names)
		return nil
	}
	var taken []string
	for _, list := range [][]string{found, overrides} {
		for i, name := range list {
			if i == 0 {
				taken = append(taken, name)
			} else {
				l.note("%s is not read: %s is here too, and comes first", name, list[0])
			}
		}
	}
	return taken
}

// noteAbove names the compose file of a folder above this one. docker compose would run it; here every folder without a compose
// file has the embedded stack.
func (l *loading) noteAbove(names []string) {
	for up, dir := "..", filepath.Dir(l.dir); ; up, dir = filepath.Join("..", up), filepath.Dir(dir) {
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				l.note("%s is not read: only this folder's own compose file is; to run that one: letta-dev up -f %[1]s", filepath.Join(up, name))
				return
			}
		}
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

func present(dir string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !exists(filepath.Join(dir, name)) })
}

// exists tells whether there is anything under a name, be it a broken link or out of our reach: what is there is not to be passed
// over as if it were not.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
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
	if errors.Is(err, fs.ErrNotExist) && exists(path) {
		return nil, errBrokenLink
	}
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

var errBrokenLink = errors.New("a symbolic link to what does not exist")

// toRead is the command that lets a file be read that is there, or shows why it cannot be.
func toRead(name string, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "chmod u+r " + name
	case errors.Is(err, errBrokenLink):
		return "ls -l " + name
	}
	return "ls -ldL " + name
}

// bare takes the operation and the path off an error: the message around it names the file already.
func bare(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
