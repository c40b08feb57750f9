package main

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
)

// everyCommand calls do with each command that the help lists, the root included.
func everyCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			everyCommand(c, do)
		}
	}
}

// Every command's help shows how to type it, and those lines are commands that there are, with flags that they have.
func TestExamplesAreCommands(t *testing.T) {
	root := newRoot(&app{})
	everyCommand(root, func(c *cobra.Command) {
		if c.Example == "" || c.Short == "" {
			t.Errorf("%s: no example, or no line for the list", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			command, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " #") // a comment goes on below
			if width := ansi.StringWidth(strings.TrimRight(command, " ")); width > 80 {
				t.Errorf("%s: a command is %d columns wide: %s", c.CommandPath(), width, command)
			}
		}
		for line := range strings.Lines(strings.ReplaceAll(c.Example, "\\\n", "")) {
			words := lettaDevWords(line)
			if words == nil {
				t.Errorf("%s: not a command of ours: %s", c.CommandPath(), line)
				continue
			}
			found, rest, err := root.Find(words)
			if err != nil {
				t.Errorf("%s: %s: %v", c.CommandPath(), line, err)
			} else if err := found.ParseFlags(rest); err != nil && !strings.Contains(err.Error(), "help requested") {
				t.Errorf("%s: %s: %v", c.CommandPath(), line, err)
			} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %s: %v", c.CommandPath(), line, err)
			}
		}
	})
}

// lettaDevWords are the arguments of letta-dev in a line of shell.
func lettaDevWords(line string) []string {
	line, _, _ = strings.Cut(line, " #")
	_, args, ok := strings.Cut(line, "letta-dev")
	if !ok {
		return nil
	}
	end := strings.IndexAny(args, ")|")
	if end < 0 {
		end = len(args)
	}
	return strings.Fields(args[:end])
}
