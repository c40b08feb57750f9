package main

import (
	"github.com/spf13/cobra"
)

func newLogs(a *app) *cobra.Command {
	var o logsOptions
	var tail, since, until, grep string
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show the logs of server, database, proxy and engine as one timeline",
		Long: `Show what the server, its database and the other services wrote, what the proxy answered, and what the
engine did to the containers, as one timeline.

The history is sorted by time. With --follow lines are then printed as they come, and containers may be
restarted or made again meanwhile: no line is left out or comes twice. Passwords and keys are hidden, and the
many lines of a database migration are folded into one unless --grep or --json asks for lines.

A time is a duration before now (10m, 1h30m), a date and time (2006-01-02T15:04:05Z, "2006-01-02 15:04:05"),
a date, or a time of today as the timeline shows it (15:04:05.000).`,
		Example: `  letta-dev logs -f                             # everything, as it comes
  letta-dev logs --service proxy --since 10m    # what the proxy answered in the last ten minutes
  letta-dev logs --grep 'ERROR|Traceback'       # all lines that match
  letta-dev logs --service server --tail all    # the server's whole log
  letta-dev logs --json | jq 'select(.access.status >= 500)'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.read(tail, since, until, grep, a.now()); err != nil {
				return err
			}
			return newLogsRun(a, o).run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with lines as they come, until Ctrl-C")
	f.StringVar(&tail, "tail", "", "the last `N` entries of the history, or \"all\" (default 200; all with --since, --until or --grep)")
	f.StringVar(&since, "since", "", "entries from this `TIME` on")
	f.StringVar(&until, "until", "", "entries up to this `TIME`")
	f.StringVar(&grep, "grep", "", "entries that match this regular expression, `RE`")
	f.StringArrayVar(&o.services, "service", nil, "entries of this source or service, `NAME`: server, database, proxy, engine, or one of the compose file; may be repeated")
	return cmd
}
