package truststore

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// policyStore is the file that a browser takes its administrator's policies from: a way to have a root trusted that
// needs no certutil, at the price of root's rights and of a browser that calls itself managed. Policies of others stay
// as they are. Firefox copies what it is told into every profile that it starts, and keeps it there: to take it out
// again is for the stores of the profiles, and needs certutil.
type policyStore struct {
	env      host.Env
	name     string
	top      string   // the folder of the browser's settings
	file     string   // in it, JSON; Chromium takes any in its folder, and this one is ours; Firefox takes one, whoever's it is
	keys     []string // where in it the list of roots stands
	files    bool     // the list names files, not certificates in base64
	programs []string // the installed ones that read it
}

// policyStores returns the files of the browsers that are installed, and those that are there.
func policyStores(env host.Env) []Store {
	if env.GOOS == "darwin" || env.GOOS == "windows" {
		return nil // there the system's store reaches the browsers
	}
	var stores []Store
	for _, b := range []struct {
		name, dir string
		commands  []string
	}{
		{"Chromium policy", "/etc/chromium", []string{"chromium"}},
		{"Chromium policy", "/etc/chromium-browser", []string{"chromium-browser"}}, // Ubuntu's
		{"Chrome policy", "/etc/opt/chrome", []string{"google-chrome", "google-chrome-stable"}},
		{"Edge policy", "/etc/opt/edge", []string{"microsoft-edge"}},
		{"Brave policy", "/etc/brave", []string{"brave-browser"}},
	} {
		s := &policyStore{env: env, name: b.name, top: env.InRoot(b.dir), file: env.InRoot(b.dir, "policies/managed/letta-dev.json"),
			keys: []string{"CACertificates"}}
		if s.programs = installed(env, b.commands...); len(s.programs) > 0 || host.Exists(s.file) {
			stores = append(stores, s)
		}
	}
	s := &policyStore{env: env, name: "Firefox policy", top: env.InRoot("/etc/firefox"), file: env.InRoot("/etc/firefox/policies/policies.json"),
		keys: []string{"policies", "Certificates", "Install"}, files: true, programs: installed(env, "firefox", "firefox-esr")}
	if len(s.programs) > 0 || host.Exists(s.file) {
		stores = append(stores, s)
	}
	return stores
}

func (s *policyStore) Name() string { return s.name }

func (s *policyStore) Status(_ context.Context, root certs.Root) (Status, error) {
	status := Status{State: Absent, Known: ByBundle, Where: s.file}
	_, entries, err := s.read(root)
	if err != nil {
		status.State = Unavailable
		return status, err
	}
	for _, e := range entries {
		switch {
		case root.Is(e.certificate):
			status.State = Trusted
		case e.certificate != nil && root.Claims(e.certificate):
			status.Stale = append(status.Stale, e.certificate)
		case e.certificate != nil:
			status.Other = append(status.Other, e.certificate)
		}
	}
	return status, nil
}

func (s *policyStore) Commands(_ context.Context, action Action, root certs.Root) ([]host.Command, error) {
	data, entries, err := s.read(root)
	if err != nil {
		if action == ToUninstall && s.files && !bytes.Contains(data, []byte("letta-dev")) {
			return nil, nil // somebody's, and no word of us in it
		}
		return nil, err
	}
	if action == ToUninstall {
		return s.removal(data, entries, root)
	}
	if slices.ContainsFunc(entries, func(e policyEntry) bool { return root.Is(e.certificate) }) {
		return nil, nil
	}
	return s.addition(data, entries, root)
}

// addition returns what puts the root into the list. Firefox gets a copy of it, because the list names files, and ours
// lies in a folder that no other user may enter.
func (s *policyStore) addition(data []byte, entries []policyEntry, root certs.Root) ([]host.Command, error) {
	if !s.files {
		if err := s.soleList(); err != nil {
			return nil, err
		}
		return s.write(data, append(entries, certificateEntry(root)))
	}
	copied := filepath.Join(filepath.Dir(s.file), root.FileName()+".pem")
	commands, err := s.write(data, append(entries, fileEntry(copied)))
	if err != nil {
		return nil, err
	}
	put := reading(root, s.command("install", "-D", "-m", "0644", "/dev/stdin", copied))
	return append([]host.Command{put}, commands...), nil
}

// removal returns what takes the claimed roots out of the list. A copy that is gone is anybody's.
func (s *policyStore) removal(data []byte, entries []policyEntry, root certs.Root) ([]host.Command, error) {
	var others []policyEntry
	var gone []string
	for _, e := range entries {
		if !e.ours || e.certificate != nil && !root.Claims(e.certificate) {
			others = append(others, e)
		} else if filepath.Dir(e.file) == filepath.Dir(s.file) {
			gone = append(gone, e.file)
		}
	}
	if len(others) == len(entries) {
		return nil, nil
	}
	commands, err := s.write(data, others)
	if err != nil {
		return nil, err
	}
	if len(commands) == 0 {
		gone = append(gone, s.target())
	}
	if len(gone) > 0 {
		commands = append(commands, s.command(slices.Concat([]string{"rm", "-f", "--"}, gone)...))
	}
	return append(commands, s.tidy(gone)...), nil
}

// tidy returns what removes the folders in which nothing will be when files are gone: an installation makes them.
func (s *policyStore) tidy(gone []string) []host.Command {
	var commands []host.Command
	for dir := filepath.Dir(s.file); strings.HasPrefix(dir, s.top); dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		stays := func(e os.DirEntry) bool { return !slices.Contains(gone, filepath.Join(dir, e.Name())) }
		if err != nil || slices.ContainsFunc(entries, stays) {
			break
		}
		commands, gone = append(commands, s.command("rmdir", "--", dir)), append(gone, dir)
	}
	return commands
}

// write returns what replaces the file in one step, and nothing where nothing is left in it.
func (s *policyStore) write(data []byte, entries []policyEntry) ([]host.Command, error) {
	content, err := withPolicyList(data, s.keys, entries)
	if err != nil {
		return nil, s.failure(err, "sudoedit")
	}
	if content == "" {
		return nil, nil
	}
	file := s.target()
	put := s.command("install", "-D", "-m", "0644", "/dev/stdin", file+".letta-dev")
	put.Input = content
	return []host.Command{put, s.command("mv", "-f", "--", file+".letta-dev", file)}, nil
}

// target returns the file itself, which an administrator may have put elsewhere.
func (s *policyStore) target() string {
	if real, err := filepath.EvalSymlinks(s.file); err == nil {
		return real
	}
	return s.file
}

func (s *policyStore) command(argv ...string) host.Command {
	return host.Command{Argv: argv, NeedsRoot: s.env.LacksRoot()}
}

func (s *policyStore) Change(ctx context.Context, action Action, root certs.Root) error {
	return perform(ctx, s, s.env, action, root)
}

func (s *policyStore) failure(err error, look string) error {
	return &host.Error{Doing: "use the file of the " + s.name, Path: s.file, Err: err, Advice: look + " " + host.Quote(s.file)}
}

// prove starts the browser with a home that trusts nothing, so that it can have the root from the policy alone. Firefox
// has no way to be asked in a second or two.
func (s *policyStore) prove(ctx context.Context, p *proof) (verdict, error) {
	if !s.env.Browsers || s.files || len(s.programs) == 0 {
		return verdict{}, errNoClient
	}
	home, err := s.env.Scratch("", nil)
	if err != nil {
		return verdict{}, err
	}
	env := s.env
	env.Home, env.Vars = home, map[string]string{"PATH": env.Vars["PATH"]}
	defer os.RemoveAll(home)
	return verdict{filepath.Base(s.programs[0]), ByHandshake}, browse(ctx, env, p, s.programs[0])
}

// WithoutCoveredByPolicy returns the stores to install in where policies were asked for: all, or, without certutil, those but for the
// databases of browsers that the policies among them reach.
func WithoutCoveredByPolicy(env host.Env, stores []Store) []Store {
	if _, ok := env.Find("certutil"); ok {
		return stores
	}
	var reached []string
	for _, s := range stores {
		if policy, ok := s.(*policyStore); ok {
			reached = append(reached, policy.programs...)
		}
	}
	missed := func(program string) bool { return !slices.Contains(reached, program) }
	return slices.DeleteFunc(slices.Clone(stores), func(s Store) bool {
		database, ok := s.(*nssStore)
		return ok && len(database.programs) > 0 && !slices.ContainsFunc(database.programs, missed)
	})
}
