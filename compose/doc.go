/*
Package compose reads the stack that letta-dev runs: a compose file, the variables it names, and letta-dev's own settings.

# Where the stack comes from

Load takes the files it is given; else those that COMPOSE_FILE names; else compose.yaml (or another of the names docker compose looks
for) of the folder, with its override file; else the embedded letta.yaml. A file with nothing but x-letta-dev, and perhaps a name,
configures the embedded stack. Variables are those of the environment, then those of .env beside the first file, or of
COMPOSE_ENV_FILES. Nothing else of the process is looked at, so that a test can say what the world is. What is there is read, or
an error, or said in a note: nothing is passed over in silence.

The project is named by Options.Name, else COMPOSE_PROJECT_NAME, else the files' name:, else the folder; the embedded stack is
letta-dev, whatever the folder. Containers, networks and volumes are named as docker compose names them, so that a stack it has
run before keeps its data.

docker compose's own variables mean what they mean to it, and come from where it takes them: COMPOSE_FILE, COMPOSE_PATH_SEPARATOR,
COMPOSE_PROJECT_NAME and COMPOSE_PROFILES from the environment or an env file, COMPOSE_ENV_FILES from the environment alone,
COMPOSE_DISABLE_ENV_FILE from both.

LoadSettings reads the settings of the same files, without the stack: for a server that somebody else runs.

# What is run, and what is refused

Compose files say more than letta-dev does. What it runs stands in shapes.go: image, entrypoint, command, environment, env_file,
ports, expose, volumes, tmpfs, networks and aliases, hostname, extra_hosts, depends_on with conditions, healthcheck, restart,
stop_grace_period, labels, user, working_dir, init, shm_size, ulimits, cap_add, cap_drop, security_opt, container_name and
profiles. Every other key is refused by name with its line and what to do instead, never ignored:

	compose.yaml:12: services.web.build is not supported: build the image yourself (docker build -t NAME .), …
	compose.yaml:31: services.web.portz is not a key of compose files: did you mean "ports"?

The short forms, the merging of files and ${…} are compose-go's own, so that they mean what they mean to docker compose. What its
schema refuses is refused here, a number where text belongs for one, and so is what an engine would refuse once the images are pulled.

# What is changed, and said

A development server is nobody else's business, and the proxy needs its place. Each of these is a line in Project.Notes:

  - A port published on every address is published on 127.0.0.1; one of [::] on ::1.
  - The server's 8283 and 8282 go to a free port where the file has them on one of the proxy's.
  - Letta's own letta_nginx is left out, for the proxy does its work.

What docker compose warns of is a line in Project.Warnings, with file and line: a variable that is not set where a value names it,
version, a boolean that is not true or false, a ~ without a home folder. Two are notes: a project that is named after a symbolic link,
and files of which only one is read. The rest of its warnings cannot arise: external.name, include and what else is deprecated is refused, and an env file that
cannot be read is an error. Its logger is never written to.

And without a note: a variable that is empty is not passed to a container, since Letta takes "" for a value; LOCAL_HTTPS is not
passed to the server, since the proxy ends TLS. No note and no error quotes an env file, but
for the NAME of a ${NAME}, or shows what a variable stands for.

# Settings

They are taken as they are written: X-Version: 1.10 is not 1.1, and needs no quotes.

	x-letta-dev:
	  server: letta_server          # the service that is the Letta server, where it cannot be told by its image
	  hosts: [agents.localhost]     # more names the proxy serves
	  cors: {origins: [https://my.app]}   # web origins that may talk to the server; the proxy answers for them
	  routes: [{path: /letta/}, {path: /app/, upstream: http://127.0.0.1:3000}]   # longest path first, which is taken off
	  headers: {request: {X-Team: blue}, response: {X-Frame-Options: DENY, Server: ""}}   # set; without a value removed
	  limits: {body: 10MB, rate: 20/s}    # of a request; of each client
	  gzip: true
	  cache: 1h                           # of static files, by browsers
	  listeners: [8443, "[::1]:8283"]
	  websocket:
	    upstream: ws://localhost:4500/ws
*/
package compose
