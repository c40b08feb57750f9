// Package orchestrator brings a stack of containers to what a compose file says, and follows the Letta server in it.
//
// # Plan first, then act
//
// Everything that is done to the engine is decided before it is done. [WantOf] turns a stack into what the engine should hold,
// [Engine.Observe] reports what it does hold, and [Diff] makes a [Plan] of the difference, without asking anything. `up --dry-run`
// prints that plan; `up` hands the same one to [Applier.Apply]. This is the plan for a server with a database of its own, in an
// engine that holds nothing yet:
//
//	fmt.Print(plan)
//
//	 1. create network agents_default
//	      because it is not there
//	 2. create volume agents_data
//	      because it is not there
//	 3. pull image pgvector/pgvector:0.8.1-pg15
//	      because it is not here
//	 4. pull image letta/letta:0.16.8
//	      because it is not here
//	 5. create container agents-db-1
//	      because it is not there
//	 6. start container agents-db-1
//	      because it was just made
//	 7. create container letta-server
//	      because it is not there
//	 8. wait for container agents-db-1
//	      because what depends on it wants service_healthy
//	 9. start container letta-server
//	      because it was just made
//	10. wait for container letta-server
//	      because up is done when it answers
//
// A step names what it changes and why. It also knows which steps must succeed before it: what does not depend on each other runs at the
// same time, and nothing starts before all images are here. If a step fails, or the user interrupts, Apply takes back what the plan made
// or started. Images stay, and so does a server that only takes longer than the time given ([SlowError]).
//
// A second `up` finds everything as wanted, and its plan is empty. A container is made anew when the hash of its configuration, kept in a
// label, is another one; a second label keeps a hash of every field, so that the plan can say which one changed without showing its value.
//
// [Teardown] plans `down`, and [Halt] a stop that removes nothing.
//
// # What is ours
//
// Labels in the engine are the only record of what letta-dev made ([LabelManaged] and the others); no file repeats them. A step reads
// the labels of what it finds before it changes, stops or removes it, and fails with [ForeignError] when they are not the project's.
// Labels that a container has inherited from its image do not count. What somebody else started can be followed ([Attachable]), and is
// never changed.
//
// # Following the server
//
// A [Follower] knows where a server is, how it can be reached, and whether it answers. Ready is a state and not an event: the server is
// asked again every 5 s, and each state is one of starting, ready, unhealthy and down. Requests reach it by the cheapest route that
// answers: the container's own address, a port published on loopback, or a stream through the engine. While a server starts, its
// log tells the stage; when it fails, its last lines and a catalogue of known failures give the cause and the command that helps.
//
// # Errors and waits
//
// Errors that a caller decides by are types, and each has a Hint, the command to type next. Every wait has an end, and its error says
// what was waited for: [UnmetError] a condition of depends_on, [SlowError] a server, [EngineGoneError] the engine itself.
//
// # Engines
//
// [Engine] is the one seam. Package orchestrator/docker meets it for Docker and Podman, and the fake of package
// orchestrator/enginetest for tests; a contract in enginetest holds both to the same promises.
package orchestrator
