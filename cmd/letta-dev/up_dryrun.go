package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/truststore"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy/listen"
)

// dryRun is what `up` would do: to the engine, and before that to this machine.
type dryRun struct {
	orchestrator.Plan
	Machine orchestrator.Plan `json:"machine"` // the authority, trust in it, and ports
}

// The steps that are not the engine's.
const (
	makeFile orchestrator.Action = "make"
	runIt    orchestrator.Action = "run"
	listenOn orchestrator.Action = "listen on"
)

// dryRun answers with the plan, and makes nothing. It fails as `up` would that finds a port taken or other settings served.
func (r *upRun) dryRun(ctx context.Context) error {
	d := dryRun{Plan: r.plan, Machine: orchestrator.Plan{Steps: []orchestrator.Step{}}}
	if err := r.planTLS(ctx, &d.Machine); err != nil {
		return atLine(r.project, err)
	}
	refused := cmp.Or(r.planPorts(ctx, &d.Machine), r.tryPublished(ctx))
	if refused != nil && r.app.global.json {
		r.app.ui.data = d // one envelope holds both
		return refused
	}
	if err := r.app.ui.answer("up", d, func(w io.Writer) {
		all := orchestrator.Plan{Steps: slices.Concat(d.Machine.Steps, d.Steps), Notes: slices.Concat(d.Machine.Notes, d.Notes)}
		fmt.Fprint(w, r.app.asTyped(all.String()))
	}); err != nil {
		return err
	}
	return refused
}

// planTLS is prepareTLS without its doing.
func (r *upRun) planTLS(ctx context.Context, p *orchestrator.Plan) error {
	if !r.cfg.TLS || r.cfg.CertFile != "" {
		return r.app.prepareTLS(ctx, r.cfg, r.o.trust) // nothing is made for a pair
	}
	var root certs.Root
	authority, env, err := r.app.loadAuthority(r.files)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Steps = append(p.Steps, orchestrator.Step{Action: makeFile, Target: "a certificate authority in " + r.files.Certs, Cause: "there is none yet"})
		if authority, err = r.app.passingAuthority(); err != nil {
			return err
		}
		p.Notes = append(p.Notes, "the number in the authority's name will be another")
		root = rootIn(r.files, authority)
	case err != nil:
		return err
	default:
		p.Notes = append(p.Notes, "the certificate authority is there: "+r.files.Certs)
		root = authority.Root()
	}
	if err := checkHosts(authority, r.cfg.Hosts); err != nil {
		return offerPair(err, authority, r.cfg.Hosts)
	}
	if r.o.trust == "none" {
		p.Notes = append(p.Notes, "it is installed in no store, because of --trust none")
		return nil
	}
	r.planTrust(ctx, p, env, root)
	return ctx.Err()
}

// checkHosts tells whether the authority may sign for the hosts asked for beside the usual ones.
func checkHosts(authority *certs.Authority, hosts []string) error {
	if len(hosts) == 0 {
		return nil
	}
	names, err := certs.ParseNames(hosts...)
	if err != nil {
		return err
	}
	return authority.Check(names)
}

// planTrust is what would be done to the stores; what needs rights that this `up` would not get is left alone, as it is then.
func (r *upRun) planTrust(ctx context.Context, p *orchestrator.Plan, env host.Env, root certs.Root) {
	elevate := r.app.elevates(r.o.trust)
	for _, s := range truststore.Stores(env) {
		commands, err := s.Commands(ctx, truststore.ToInstall, root)
		switch {
		case err != nil:
			p.Notes = append(p.Notes, fmt.Sprintf("the %s store stays as it is: %s", s.Name(), advice(err)))
		case len(commands) == 0:
			p.Notes = append(p.Notes, fmt.Sprintf("the %s store trusts it already", s.Name()))
		case !elevate && slices.ContainsFunc(commands, func(c host.Command) bool { return c.NeedsRoot }):
			p.Notes = append(p.Notes, fmt.Sprintf("the %s store stays as it is, because changing it needs root rights; to change that: letta-dev certs install", s.Name()))
		default:
			for _, c := range commands {
				p.Steps = append(p.Steps, orchestrator.Step{Action: runIt, Target: c.String(), Cause: fmt.Sprintf("the %s store does not trust it yet", s.Name())})
			}
		}
	}
}

// planPorts is the proxy: it serves already, or begins to, or is replaced. Its error is why it cannot be.
func (r *upRun) planPorts(ctx context.Context, p *orchestrator.Plan) error {
	cause := fmt.Sprintf("no proxy of project %q runs yet", r.project.Name)
	switch live := r.live; {
	case live != nil && live.Config == r.cfg.fingerprint():
		p.Notes = append(p.Notes, fmt.Sprintf("the proxy runs already: pid %d on %s", live.PID, ports(live.Listeners)))
		return nil
	case live != nil && !live.Background:
		return &otherSettingsError{r.project.Name, live.PID}
	case live != nil:
		cause = fmt.Sprintf("the settings of the proxy that runs, pid %d, are others", live.PID)
	}
	var addresses []string
	for _, l := range r.cfg.Listeners {
		addresses = append(addresses, l.Address)
	}
	if len(addresses) > 0 {
		p.Steps = append(p.Steps, orchestrator.Step{Action: listenOn, Target: strings.Join(addresses, ", "), Cause: cause})
	}
	bound, err := r.tryListen(ctx)
	for _, b := range bound {
		if b.Missing != "" {
			p.Notes = append(p.Notes, fmt.Sprintf("nothing will listen on %d: %s; to allow it: %s", b.Port, b.Missing, b.Hint))
		}
	}
	return err
}

// tryListen binds what the proxy would, for a moment. What a proxy holds that is to be replaced is free by then.
func (r *upRun) tryListen(ctx context.Context) ([]boundAddress, error) {
	cfg := r.cfg
	if r.live != nil {
		cfg.Listeners = slices.DeleteFunc(slices.Clone(cfg.Listeners), func(l listenAddress) bool {
			return slices.ContainsFunc(r.live.Listeners, func(b boundAddress) bool { return b.Missing == "" && portOf(l.Address) == strconv.Itoa(b.Port) })
		})
	}
	listeners, bound, err := r.app.listen(ctx, cfg)
	closeAll(listeners)
	return bound, err
}

// tryPublished binds for a moment what containers to be made would publish here. What one of this project's publishes already is free by
// then, or stays as it is; a port that the engine alone may bind, and one of an engine elsewhere, are not known.
func (r *upRun) tryPublished(ctx context.Context) error {
	if r.engine == nil || !strings.HasPrefix(r.cfg.Engine.Host, "unix:") {
		return nil
	}
	for _, step := range r.plan.Steps {
		if step.Action != orchestrator.Create {
			continue
		}
		for _, port := range step.Spec.Ports {
			address := net.JoinHostPort(port.HostIP, strconv.Itoa(port.HostPort))
			ours := func(c orchestrator.Container) bool { return c.Labels.Ours(r.project.Name) && holds(c, address) }
			if port.HostPort == 0 || port.Protocol != "tcp" || slices.ContainsFunc(r.have.Containers, ours) {
				continue
			}
			b, err := listen.Config{AllowNonLoopback: true}.Listen(ctx, address)
			for _, l := range b.Listeners {
				_ = l.Close() // it never served anything
			}
			if is[*listen.PortInUseError](err) {
				return fmt.Errorf("publishing a port of container %q: %w", step.Target, r.app.nameHolder(err))
			}
		}
	}
	return nil
}
