package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/clientenv"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/keypair"
	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

func newEnv(a *app) *cobra.Command {
	var shell string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the variables that make programs trust us and find the server",
		Long: `env prints variables for programs that bring roots of their own, as Node, Bun, Deno, Python, Go, Java, git and wget do: with them they
accept our certificates, and all that they accepted before. LETTA_BASE_URL is what Letta's SDKs connect to. LETTA_API_KEY is the
server's password, where the stack here sets SECURE=true and LETTA_SERVER_PASSWORD; one that your shell has already stays. Letta
Code would send it to Letta's cloud too: LETTA_MEMFS_BASE_URL, and with a key LETTA_CODE_TELEM=0, keep it here. Where a proxy is set, NO_PROXY and Java's list get localhost, the names under it, loopback addresses and the server's own names, beside what they hold.

The files that the variables name are made anew by every env and run. With --json, whose answers end up in logs, the password is
left out and named under "withheld"; --shell json has it.`,
		Example: `  eval "$(letta-dev env)"                  # sh, bash, zsh
  letta-dev env | source                   # fish
  letta-dev env --shell json               # {"NAME": "value", …}`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.printEnv(cmd.Context(), shell) },
	}
	cmd.Flags().StringVar(&shell, "shell", "", "how to write them: sh, fish, json, dotenv (default: as $SHELL reads it)")
	return cmd
}

func (a *app) printEnv(ctx context.Context, shell string) error {
	if shell == "" {
		shell = shellOf(a.env.get("SHELL"))
	}
	if err := oneOf("letta-dev env", "--shell", shell, "sh", "fish", "json", "dotenv"); err != nil {
		return err
	}
	vars, err := a.variables(ctx)
	if err != nil {
		return err
	}
	text, err := writeVariables(shell, vars)
	if err != nil {
		return err
	}
	return a.ui.verbatim("env", newEnvAnswer(vars), func(w io.Writer) { fmt.Fprint(w, text) })
}

func shellOf(path string) string {
	if filepath.Base(path) == "fish" {
		return "fish"
	}
	return "sh"
}

// apiKey is the variable that holds a secret.
const apiKey = "LETTA_API_KEY"

// envAnswer is what `env --json` says.
type envAnswer struct {
	Variables map[string]string `json:"variables"`
	Withheld  []string          `json:"withheld"` // set too, and secret
}

func newEnvAnswer(vars []clientenv.Variable) envAnswer {
	answer := envAnswer{Variables: map[string]string{}, Withheld: []string{}}
	for _, v := range vars {
		if v.Name == apiKey {
			answer.Withheld = append(answer.Withheld, v.Name)
		} else {
			answer.Variables[v.Name] = v.Value
		}
	}
	return answer
}

// variables are those of `env` and `run`. It works before the first `up` and beside any: what runs is asked for its address.
func (a *app) variables(ctx context.Context) ([]clientenv.Variable, error) {
	stack, err := a.loadStack(ctx, nil, "")
	if err != nil && a.global.project == "" {
		return nil, fmt.Errorf("finding the name of the project here: %w", err)
	}
	if err != nil {
		a.ui.warn("the server's password is not known: %s", explain(err).Message)
		stack = &compose.Project{Name: a.global.project}
	}
	files, err := a.paths(stack.Name)
	if err != nil {
		return nil, err
	}
	live, err := a.live(ctx, files)
	if err != nil {
		a.ui.warn("%v", err)
	}
	if live == nil && err == nil {
		if e := a.servedElsewhere(files, "env"); e != nil && e.sameUser {
			a.ui.warn("%s", advice(e))
		}
	}
	tls := !stack.NoTLS
	if live != nil {
		tls = live.Certificate != nil
	}
	vars := serverVariables(baseURL(live, tls), a.password(stack), a.env.get(apiKey))
	vars = append(vars, noProxyVariables(a.env.get, a.environ(), servedNames(stack, live))...)
	if !tls { // there is nothing to trust
		return vars, nil
	}
	authority, env, err := a.vouching(files, live)
	if authority == nil || err != nil {
		return vars, err
	}
	ours, err := a.trustVariables(ctx, files, authority, env, vars)
	return mergeVariables(vars, ours), err
}

// serverVariables are those that a client finds the server by. LETTA_BASE_URL does not bind all that Letta Code sends the key to: the
// git of an agent's memory goes to Letta's cloud unless LETTA_MEMFS_BASE_URL names another server, and its telemetry always does
// (letta-code#1918; read and tried with 0.25.9 and 0.34.12). LETTA_MEMFS_LOCAL=1 would have it clone every new agent's memory from
// here, which ends it with an error where the server has no such service, as ours has not: without it, it asks nobody.
func serverVariables(address string, password []clientenv.Variable, key string) []clientenv.Variable {
	vars := append([]clientenv.Variable{{Name: "LETTA_BASE_URL", Value: address}, {Name: "LETTA_MEMFS_BASE_URL", Value: address}}, password...)
	if len(password) > 0 || key != "" {
		vars = append(vars, clientenv.Variable{Name: "LETTA_CODE_TELEM", Value: "0"})
	}
	return vars
}

// mergeVariables is both, in which those of the latter stand for the former's of the same name.
func mergeVariables(vars, later []clientenv.Variable) []clientenv.Variable {
	replaced := func(v clientenv.Variable) bool {
		return slices.ContainsFunc(later, func(l clientenv.Variable) bool { return l.Name == v.Name })
	}
	return append(slices.DeleteFunc(vars, replaced), later...)
}

// vouching is the authority that programs are to trust, made where there is none. For a pair that somebody brought none is made: it may be
// signed by the one that there is, and where it is not, programs need another root than ours, which is said.
func (a *app) vouching(files paths, live *liveStatus) (*certs.Authority, host.Env, error) {
	if !live.ownPair() {
		authority, env, created, err := a.authority(files)
		if created {
			a.ui.note("made a certificate authority in %s: programs with these variables trust it, browsers do not yet; to change that: letta-dev certs install", files.Certs)
		}
		if created && live != nil {
			a.ui.note("the proxy that runs (pid %d) takes it up within a few seconds; until then it presents a certificate that nothing trusts any more", live.PID)
		}
		return authority, env, err
	}
	authority, env, err := a.loadAuthority(files)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.ui.warn("%s", advice(err))
	}
	if err != nil || !keypair.SignedBy(authority.Root(), live.CertFile, a.now()) {
		a.ui.warn("our authority did not sign the certificate in use, %s: programs have to trust its issuer by themselves", live.CertFile)
	}
	return authority, env, nil
}

// trustVariables are those that make programs accept our certificates, in an environment in which others are set.
func (a *app) trustVariables(ctx context.Context, files paths, authority *certs.Authority, env host.Env, set []clientenv.Variable) ([]clientenv.Variable, error) {
	getenv := func(name string) string {
		for _, v := range set {
			if v.Name == name {
				return v.Value
			}
		}
		return a.env.get(name)
	}
	vars, problems, err := clientenv.Variables(ctx, env, authority.Root(), clientenv.Options{Dir: files.roots(), Within: a.dir, Getenv: getenv})
	for _, p := range problems {
		a.ui.warn("%s", advice(p))
	}
	return vars, err
}

// baseURL is where programs reach the server. It is localhost wherever that is served: the resolvers of many systems do not know
// letta.localhost, and that of Go's own programs does not on any.
func baseURL(live *liveStatus, tls bool) string {
	u := url.URL{Scheme: "https", Host: fmt.Sprintf("localhost:%d", orchestrator.RESTPort)}
	if !tls {
		u.Scheme = "http"
	}
	if live == nil {
		return u.String()
	}
	u.Host = servedName(live)
	if port := servedPort(live, u.Scheme); port != "" {
		u.Host += ":" + port
	}
	return u.String()
}

// servedNames are what the server is called beside the usual names, wildcards included.
func servedNames(stack *compose.Project, live *liveStatus) []string {
	switch {
	case live == nil:
		return stack.Settings.Hosts
	case live.Certificate != nil:
		return append(slices.Clone(live.Hosts), live.Certificate.Names...)
	}
	return live.Hosts
}

// servedName is localhost, or a name of the certificate that somebody brought.
func servedName(live *liveStatus) string {
	if c := live.Certificate; c != nil && !slices.Contains(c.Names, "localhost") {
		for _, name := range c.Names {
			if !strings.Contains(name, "*") {
				return name
			}
		}
	}
	return "localhost"
}

// servedPort is that of the first address under localhost, else of the first at all.
func servedPort(live *liveStatus, scheme string) (port string) {
	for i, address := range live.URLs {
		u, err := url.Parse(address.URL)
		if err != nil || u.Scheme != scheme {
			continue
		}
		if i == 0 || u.Hostname() == "localhost" {
			port = u.Port()
		}
		if u.Hostname() == "localhost" {
			break
		}
	}
	return port
}

// password is what the SDKs send, where the server of the stack asks for one. It stands where `up` reads it: in the environment, in
// .env, or in the compose file.
func (a *app) password(stack *compose.Project) []clientenv.Variable {
	server := stack.Server()
	if server == nil || server.Environment["SECURE"] != "true" {
		return nil
	}
	password := server.Environment["LETTA_SERVER_PASSWORD"]
	mine := a.env.get(apiKey)
	switch {
	case password == "":
		a.ui.warn("SECURE is set and LETTA_SERVER_PASSWORD is not: the server makes up a password at every start, which only its log tells")
	case mine != "" && mine != password:
		a.ui.warn("%s is set already, and is not the password of the server here; it stays: to have it replaced: unset %s", apiKey, apiKey)
	default:
		return []clientenv.Variable{{Name: apiKey, Value: password}}
	}
	return nil
}
