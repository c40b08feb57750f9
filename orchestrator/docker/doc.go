// Package docker meets orchestrator.Engine for Docker 20.10 and newer and for Podman, both through the Docker API. It is the only
// importer of the Docker client.
//
// # Finding an engine
//
// Find looks in this order: --host, --context, DOCKER_HOST, DOCKER_CONTEXT, the docker CLI's current context, and then the
// sockets that Docker, its rootless mode, Docker Desktop, Colima, OrbStack and Podman are known to make. A place that somebody
// chose and that does not answer is an error at once: nobody wants their containers on another engine than the one they named.
// The context "default" is docker's word for no choice.
//
// # What it owes to the differences between engines
//
// Every row was seen on a real engine: Docker 20.10 and 29, Podman 4.3.
//
//	conflicts            Docker says 409, Podman 500, Docker 20.10 makes a second network of the same name: look first, by name
//	                     and label, and act by ID after that
//	published ports      empty for an instant after a start, and new at every start: Start returns when they can be read
//	a failed start       leaves on Podman a container that "runs" without network when it is started again: it is removed
//	host-gateway         Podman writes it into /etc/hosts as it stands: replaced by the gateway of the container's network
//	short names          Podman has no default registry: names are written out
//	events               destroy or remove, exitCode or containerExitCode, and exec_* for every health check
//	logs                 a long line comes in pieces, each with a stamp of its own; a terminal's stream has no frames
//	a failed load        HTTP 200 and an error in the stream
//	create of a volume   succeeds on a volume that is somebody else's, and changes nothing: look at its labels after
//
// # What is never done
//
// Nothing is changed, stopped or removed whose labels do not say that it is the project's. No image is pulled as a side effect.
// An anonymous volume (a database may be in it) goes with its container only where the step says so, or the container never ran.
package docker
