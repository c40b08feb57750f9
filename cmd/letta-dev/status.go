package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/orchestrator"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:        "status",
		SuggestFor: []string{"ps", "ls", "list"},
		Short:      "Show what runs: containers, addresses, certificate, trust",
		Long: `status shows what runs. It ends with 4 when the server is down or unhealthy: a server is asked every 5 s, and is unhealthy when it gives
no answer for 12 s, or at once when the engine has paused it or it is in no network.`,
		Example: `  letta-dev status
  letta-dev status --json | jq .data.proxy.urls`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context()) },
	}
}

// statusReport is what `status` knows. A part that could not be asked is missing, and a warning says why.
type statusReport struct {
	Project    string                   `json:"project"`
	Engine     *orchestrator.EngineInfo `json:"engine,omitempty"`
	Containers []containerStatus        `json:"containers"`
	Proxy      *liveStatus              `json:"proxy,omitempty"`
	Mute       bool                     `json:"proxyDoesNotAnswer,omitempty"`
	Trust      *trustStatus             `json:"trust,omitempty"`

	mute      *unresponsiveError    // of the proxy that does not answer
	elsewhere *servedElsewhereError // what serves the project from another state folder
	absent    error                 // that the engine of a project that is up does not answer
	unknown   bool                  // whether a proxy runs: its state could not be read
}

// containerStatus is one container, ours or attached.
type containerStatus struct {
	Name     string                   `json:"name"`
	Service  string                   `json:"service,omitempty"`
	Image    string                   `json:"image"`
	Status   string                   `json:"status"`
	Attached bool                     `json:"attached,omitempty"`
	Health   string                   `json:"health,omitempty"` // of the engine's own health check: starting, healthy, unhealthy
	Started  time.Time                `json:"started,omitzero"`
	Ports    []orchestrator.Published `json:"ports,omitempty"`
}

// unhealthyError is the exit code 4 of a status whose server does not answer.
type unhealthyError struct{ what, hint string }

func (e *unhealthyError) Error() string { return e.what }
func (e *unhealthyError) Hint() string  { return e.hint }

func (a *app) status(ctx context.Context) error {
	project, err := a.projectName(ctx)
	if err != nil {
		return err
	}
	files, err := a.paths(project)
	if err != nil {
		return err
	}
	rec, err := files.readRecord()
	if err != nil {
		return err
	}
	kept, err := a.keptEngine(project, rec)
	if err != nil {
		return err
	}
	report := statusReport{Project: project, Containers: []containerStatus{}}
	report.Proxy, err = a.live(ctx, files)
	report.Mute = errors.As(err, &report.mute) // which the verdict tells
	if err != nil && !report.Mute {
		a.ui.warn("%v", err)
		report.unknown = true
	}
	switch err := a.observeInto(ctx, &report, kept); {
	case is[*keptEngineError](err) && report.Proxy == nil && rec.Folder != "":
		report.absent = err // which the verdict tells
	case err != nil:
		a.ui.warn("%s", explain(err).Message)
	}
	if report.Proxy == nil && !report.Mute {
		if e := a.servedElsewhere(files, "status"); e != nil && (e.sameUser || len(report.Containers) > 0) {
			report.elsewhere = e
		}
	}
	if !report.Proxy.ownPair() {
		report.Trust = a.trustStatus(ctx, files)
	}
	if report.Trust != nil {
		a.warnOfEnd(report.Trust.end)
	}
	verdict := report.verdict()
	if verdict != nil && a.global.json {
		a.ui.data = report // one envelope holds both
		return verdict
	}
	if err := a.ui.answer("status", report, func(w io.Writer) { report.print(w, a.asTyped) }); err != nil {
		return err
	}
	return verdict
}

// observeInto adds what the engine says.
func (a *app) observeInto(ctx context.Context, report *statusReport, kept engineChoice) error {
	attached := ""
	if p := report.Proxy; p != nil && p.Server.Kind == "attached" {
		attached = p.Server.Name
	} else if p.withoutEngine() {
		return nil
	}
	engine, err := a.engineAt(ctx, report.Project, kept)
	if err != nil {
		return err
	}
	info := engine.Info()
	report.Engine = &info
	have, err := engine.Observe(ctx, orchestrator.Query{Project: report.Project, Names: []string{attached}})
	if err != nil {
		return err
	}
	for _, c := range have.Containers {
		ours := c.Labels.Ours(report.Project)
		if !ours && (attached == "" || c.Name != attached) {
			continue
		}
		report.Containers = append(report.Containers, containerStatus{
			Name: c.Name, Service: c.Labels[orchestrator.LabelService], Image: c.Image, Status: c.Status, Attached: !ours,
			Health: c.Health, Started: c.StartedAt, Ports: c.Published,
		})
	}
	return nil
}

// verdict is the error that a status ends with when what should answer does not.
func (r statusReport) verdict() error {
	switch p := r.Proxy; {
	case p != nil && p.Server.Phase == string(orchestrator.PhaseDown):
		return &unhealthyError{"the server is down: " + p.Server.Cause, p.Server.Hint}
	case p != nil && p.Server.Phase == string(orchestrator.PhaseUnhealthy):
		return &unhealthyError{"the server is unhealthy: " + p.Server.Cause, p.Server.Hint}
	case r.mute != nil:
		return &unhealthyError{r.mute.Error(), r.mute.Hint()}
	case r.absent != nil:
		return r.absent
	case r.elsewhere != nil:
		return r.elsewhere
	case p == nil:
		for _, c := range r.Containers {
			if c.Status == "running" || c.Status == "paused" {
				return &unhealthyError{fmt.Sprintf("container %s runs and no proxy is in front of it", c.Name), "letta-dev up -d"}
			}
		}
	}
	return nil
}

func (r statusReport) print(w io.Writer, asTyped func(string) string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintf(t, "project\t%s\n", r.Project)
	if e := r.Engine; e != nil {
		fmt.Fprintf(t, "engine\t%s %s, API %s, %s (%s)\n", e.Name, e.Version, e.API, e.Host, e.Found)
	}
	for _, c := range r.Containers {
		kind := ""
		if c.Attached {
			kind = ", attached"
		}
		fmt.Fprintf(t, "container\t%s, %s%s, %s\n", c.Name, c.Status, kind, c.Image)
	}
	switch {
	case r.Proxy != nil:
		r.Proxy.print(t)
	case r.Mute:
		fmt.Fprintf(t, "proxy\tdoes not answer\n")
	case r.elsewhere != nil:
		fmt.Fprintf(t, "proxy\tserved from elsewhere\n")
	case r.unknown:
		fmt.Fprintf(t, "proxy\tnot known: its state cannot be read\n")
	default:
		fmt.Fprintf(t, "proxy\tnot running; %s\n", asTyped("letta-dev up"))
	}
	if r.Trust != nil {
		fmt.Fprintf(t, "trust\t%s\n", asTyped(r.Trust.summary()))
	}
}

func (l *liveStatus) print(w io.Writer) {
	server := fmt.Sprintf("%s, %s", l.Server.Name, l.Server.Phase)
	switch {
	case l.Server.Phase == string(orchestrator.PhaseStarting):
		server += fmt.Sprintf(", stage %s for %s", l.Server.Stage, seconds(time.Since(l.Server.Since)))
	case l.Server.Phase == string(orchestrator.PhaseUnhealthy):
		server += fmt.Sprintf(" for %s: %s", seconds(time.Since(l.Server.Since)), l.Server.Cause)
	case l.Server.Cause != "":
		server += ": " + l.Server.Cause
	case l.Server.Version != "":
		server += fmt.Sprintf(", version %s, reached by %s", l.Server.Version, l.Server.Route)
	}
	if l.Server.Kind != "managed" {
		server += ", " + l.Server.Kind
	}
	where := "in a terminal"
	if l.Background {
		where = "in the background"
	}
	fmt.Fprintf(w, "server\t%s\n", server)
	fmt.Fprintf(w, "proxy\t%s, pid %d %s since %s\n", ports(l.Listeners), l.PID, where, l.Started.Local().Format(time.DateTime))
	for _, b := range l.Listeners {
		if b.Missing != "" {
			fmt.Fprintf(w, "\tnothing on %d: %s\n", b.Port, b.Hint)
		}
	}
	for _, u := range l.URLs {
		fmt.Fprintf(w, "\t%s\n", u.URL)
	}
	fmt.Fprintf(w, "websocket\t%s\n", l.WebSocket)
	for _, r := range policyRows(l.Policy) {
		if r.asked {
			fmt.Fprintf(w, "%s\t%s\n", r.name, printableLines(r.value))
		}
	}
	if c := l.Certificate; c != nil {
		whose := ""
		if l.ownPair() {
			whose = ", your own: " + l.CertFile
		}
		fmt.Fprintf(w, "certificate\t%s, until %s%s\n", strings.Join(c.Names, " "), day(c.NotAfter), whose)
	}
}

// ports are the ports that are bound, each once.
func ports(bound []boundAddress) string {
	var all []string
	for _, b := range bound {
		if p := fmt.Sprint(b.Port); b.Missing == "" && (len(all) == 0 || all[len(all)-1] != p) {
			all = append(all, p)
		}
	}
	return strings.Join(all, " ")
}
