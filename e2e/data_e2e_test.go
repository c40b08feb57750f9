//go:build e2e

package e2e_test

import "testing"

// A compose file that gives the server no volume keeps its data too.
func TestDataOfAFileWithoutAVolume(t *testing.T) {
	w := newWorld(t, "ldt-data")
	w.env()
	w.write("compose.yaml", "services: {letta: {image: 'letta/letta:0.16.8'}}\n")
	w.up()
	const blocks = "https://localhost:8283/v1/blocks/"
	w.curl("--header", "Content-Type: application/json", "--data", `{"label":"kept","value":"kept"}`, blocks)
	w.run("down")
	contains(t, "the volumes behind down", w.docker("volume", "ls", "--quiet"), w.project+"_letta_data")
	w.up()
	contains(t, "the blocks behind down", w.curl(blocks), `"label":"kept"`)
}
