package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/compose"
)

// proxyCommand are the flags of `proxy` beside those it shares with `up`.
type proxyCommand struct {
	proxyOptions
	upstream string
}

func newProxy(a *app) *cobra.Command {
	var o proxyCommand
	cmd := &cobra.Command{
		Use:   "proxy --upstream URL",
		Short: "Run the proxy alone, in front of anything",
		Example: `  letta-dev proxy --upstream http://127.0.0.1:8000
  letta-dev proxy --upstream http://127.0.0.1:8000 --listen 8443
  letta-dev proxy --upstream http://127.0.0.1:8000 \
      --ws-upstream ws://127.0.0.1:4500
  letta-dev proxy --upstream http://127.0.0.1:8000 \
      --route /letta/ --route /app/=http://127.0.0.1:3000
  letta-dev proxy --upstream http://127.0.0.1:8000 \
      --header X-Frame-Options:DENY --allow-origin https://my-app.example
  letta-dev proxy --upstream http://127.0.0.1:8000 \
      --cert dev.pem --key dev-key.pem --host dev.example.test`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return a.proxyAlone(cmd.Context(), o)
		},
	}
	o.proxyOptions.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.upstream, "upstream", "", "URL of the server behind the proxy")
	// No engine has a part in this command, so --host is the name to serve, as for other proxies.
	f.StringArrayVar(&o.hosts, "host", nil, "serve this name too; may be repeated")
	_ = f.MarkHidden("serve-host") // the flag was defined above
	return cmd
}

func (o *proxyCommand) check() error {
	if o.upstream == "" {
		return usagef("letta-dev proxy --upstream http://127.0.0.1:8000", "proxy needs --upstream, the server to be in front of")
	}
	if _, err := serverURL("letta-dev proxy", o.upstream); err != nil {
		return err
	}
	return o.proxyOptions.check("letta-dev proxy")
}

// proxyAlone serves until Ctrl-C. Its upstream need not be Letta, so nobody asks it for its health.
func (a *app) proxyAlone(ctx context.Context, o proxyCommand) error {
	tls, err := strconv.ParseBool(cmp.Or(a.env.get("LOCAL_HTTPS"), "true"))
	if err != nil {
		return usagef("unset LOCAL_HTTPS", "LOCAL_HTTPS is neither true nor false")
	}
	project := &compose.Project{Name: a.nameOr("proxy"), NoTLS: !tls}
	files, err := a.paths(project.Name)
	if err != nil {
		return err
	}
	cfg := a.serveConfig(o.proxyOptions, project, files)
	cfg.URL, cfg.Plain = o.upstream, true
	if err := cfg.refuseOwn("letta-dev proxy"); err != nil {
		return err
	}
	if err := a.prepareTLS(ctx, cfg, o.trust); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var said error
	err = a.serve(ctx, cfg, func(live liveStatus) {
		a.ui.begin("proxy", "").done("%s → %s", ports(live.Listeners), o.upstream)
		a.warnMissing(live.Listeners)
		said = a.ui.answer("proxy", live, func(w io.Writer) {
			fmt.Fprintln(w)
			for _, u := range live.URLs {
				fmt.Fprintf(w, "   %s\n", u.URL)
			}
			printPolicy(w, live.Policy, false)
			if !a.ui.rests {
				fmt.Fprintf(w, "\n Ctrl-C stops it.\n")
			}
		})
		a.ui.rest(" Ctrl-C stops it.")
		if said != nil {
			stop()
		}
	})
	a.ui.rest("")
	if err != nil {
		return err
	}
	return said
}
