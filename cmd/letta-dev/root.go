package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/letta-dev/letta-dev/compose"
)

// run carries out one command line and returns the exit code.
func run(ctx context.Context, a *app, args []string) int {
	out := outputOf(a.stdout)
	a.stdout = out
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if a.ui == nil { // the flags were wrong, or only help was asked for
		a.global.json = a.global.json || slices.Contains(args, "--json") // it may stand after the one that was wrong
		a.ui = newUI(a)
	}
	a.ui.close()
	if err == nil || is[*outputError](err) {
		err = out.err()
	}
	if err == nil {
		return exitDone
	}
	var program *exec.ExitError
	if errors.As(err, &program) && commandName(cmd) == "run" { // it has said what there was to say
		return program.ExitCode()
	}
	e := explain(err)
	e.Hint = a.asTyped(e.Hint)
	a.ui.fail(commandName(cmd), e)
	return e.Exit
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "letta-dev",
		Short: "A trusted HTTPS development environment for the Letta server, with one command",
		Long: `letta-dev makes locally trusted certificates, starts or attaches to the letta-server container, and
runs an HTTPS-terminating, WebSocket-aware proxy on 80, 443 and 8283, with WebSockets on 8282.`,
		Example: `  letta-dev up            # start everything, stay in the foreground
  letta-dev up -d         # … and stay in the background
  letta-dev up --demo     # without an image: a stand-in server, in seconds
  letta-dev down          # stop it all; data stays`,
		Version:       version(),
		Args:          subcommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.command = commandName(cmd)
			if err := a.begin(); err != nil {
				return err
			}
			return notEmpty(cmd)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(wrongFlag)
	a.globalFlags(root)
	root.AddCommand(newUp(a), newDown(a), newStatus(a), newLogs(a), newCerts(a), newEnv(a), newRun(a), newProxy(a), newVersion(a))
	root.AddCommand(newServe(a), newDemoServer(), newDemoDial())
	root.SetOut(writerFunc(func(p []byte) (int, error) { // cobra would print the error of a write too
		_, _ = a.stdout.Write(p)
		return len(p), nil
	}))
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		raw := root.OutOrStdout()
		wrapped := &wrapWriter{to: raw, width: widthOf(a.stdout)}
		cmd.Long = paragraphs(cmd.Long, wrapped.width)
		root.SetOut(wrapped)
		defer root.SetOut(raw)
		help(cmd, args)
		wrapped.flush()
	})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, made := range root.Commands() {
		switch made.Name() {
		case "help":
			ownHelp(made)
		case "completion":
			ownCompletion(made)
		}
	}
	return root
}

// ownHelp gives cobra's help command what ours have: an example, and an error for a command that there is not.
func ownHelp(cmd *cobra.Command) {
	cmd.Example = "  letta-dev help up\n  letta-dev help certs install"
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		found, unknown, err := cmd.Root().Find(args)
		if err != nil {
			return err
		}
		return subcommand(found, unknown)
	}
}

// ownCompletion does the same for cobra's completion command, where a shell is what may be unknown.
func ownCompletion(cmd *cobra.Command) {
	cmd.Example = "  source <(letta-dev completion bash)"
	cmd.Args = subcommand
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, shell := range cmd.Commands() {
		shell.Example = map[string]string{
			"bash":       "  source <(letta-dev completion bash)",
			"zsh":        "  source <(letta-dev completion zsh)",
			"fish":       "  letta-dev completion fish | source",
			"powershell": "  letta-dev completion powershell | Out-String | Invoke-Expression",
		}[shell.Name()]
	}
}

func (a *app) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&a.global.project, "project", "", "name of the project, for several side by side (default: from the compose file, else letta-dev)")
	f.StringVar(&a.global.context, "context", "", "docker context of the engine to use")
	f.StringVar(&a.global.host, "host", "", "address of the engine to use, as in DOCKER_HOST")
	f.StringVar(&a.global.progress, "progress", "auto", "how to show progress: auto, tty, plain, json, quiet")
	f.StringVar(&a.global.color, "color", "auto", "colours: auto, always, never")
	f.BoolVar(&a.global.json, "json", false, "print the answer as JSON")
	f.BoolVar(&a.global.debug, "debug", false, "say what was chosen and why, also in the logs (LETTA_DEV_DEBUG=1)")
}

// begin checks the global flags and makes the output; it runs before every command.
func (a *app) begin() error {
	if err := oneOf("letta-dev", "--progress", a.global.progress, "auto", "tty", "plain", "json", "quiet"); err != nil {
		return err
	}
	if err := oneOf("letta-dev", "--color", a.global.color, "auto", "always", "never"); err != nil {
		return err
	}
	if a.global.host != "" && a.global.context != "" {
		return usagef("letta-dev --help", "--host and --context both choose an engine; give one of them")
	}
	if a.global.project != "" { // it becomes a folder's name and a container's
		if err := compose.CheckName(a.global.project); err != nil {
			return err
		}
	}
	a.ui = newUI(a)
	a.keepCrashes()
	return nil
}

// notEmpty refuses a flag that is given and says nothing: --project "$P" without a P is about no project, not about the default one.
func notEmpty(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		list, several := f.Value.(pflag.SliceValue)
		if several && slices.Contains(list.GetSlice(), "") || !several && f.Value.String() == "" {
			err = usagef(cmd.CommandPath()+" --help", "--%s is empty: give it a value, or leave it out", f.Name)
		}
	})
	return err
}

// oneOf refuses a value of a flag of a command that is none of those allowed.
func oneOf(command, flag, got string, allowed ...string) error {
	if slices.Contains(allowed, got) {
		return nil
	}
	hint := command + " --help"
	if near := meantWord(got, allowed); near != "" {
		hint = command + " " + flag + " " + near
	}
	return usagef(hint, "%s %q is none of %s", flag, got, strings.Join(allowed, ", "))
}

// subcommand refuses a word that names no command below cmd, and hints at the one that was meant.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := cmd.CommandPath() + " --help"
	if meant := meantCommand(cmd, args[0]); meant != "" {
		hint = cmd.CommandPath() + " " + meant
	}
	return usagef(hint, "unknown command %q", args[0])
}

// noArgs refuses words that a command would silently ignore.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd.CommandPath()+" --help", "%s takes no arguments, got %s", cmd.CommandPath(), strings.Trim(fmt.Sprintf("%q", args), "[]"))
	}
	return nil
}

func commandName(cmd *cobra.Command) string {
	if cmd == nil || !cmd.HasParent() {
		return "letta-dev"
	}
	name := cmd.Name()
	if p := cmd.Parent(); p.HasParent() {
		name = fmt.Sprintf("%s %s", p.Name(), name)
	}
	return name
}
