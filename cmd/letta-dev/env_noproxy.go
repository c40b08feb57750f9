package main

import (
	"runtime"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs/clientenv"
)

// loopbackNames are the entries of NO_PROXY for this machine. No two clients read the variable alike: Node wants the dot before names
// under localhost, which curl takes off; some do not know ranges of addresses; and "[::1]", which Node and urllib would need to leave
// that address alone, makes httpx, and with it Letta's own SDK, refuse to start ("Invalid port").
func loopbackNames() []string {
	return []string{"localhost", ".localhost", "127.0.0.1", "127.0.0.0/8", "::1"}
}

// noProxyVariables are those that keep programs from sending what is for the server to a proxy of the environment, beside all that they
// sent past it before. There are none where no proxy is set. The hosts are what the server is called beside the names of loopback.
func noProxyVariables(get func(string) string, environ, hosts []string) []clientenv.Variable {
	vars := javaNoProxyVariables(get)
	if !slices.ContainsFunc(environ, setsProxy) {
		return vars
	}
	const upper, lower = "NO_PROXY", "no_proxy"
	values := map[string]string{upper: get(upper), lower: get(lower)}
	names := []string{upper, lower} // curl prefers the lower case and Go the upper one; wget reads the lower one alone
	if runtime.GOOS == "windows" {
		names = names[:1] // where they are one variable
	}
	for _, name := range names {
		value := values[name]
		if value == "" {
			value = values[upper] + values[lower] // one of which is empty
		}
		if strings.TrimSpace(value) == "*" { // no proxy for anything, but only if it stands alone
			continue
		}
		vars = append(vars, clientenv.Variable{Name: name, Value: withNoProxy(value, hosts)})
	}
	return vars
}

// setsProxy tells whether a variable names a proxy: HTTPS_PROXY, all_proxy, npm_config_proxy.
func setsProxy(variable string) bool {
	name, value, _ := strings.Cut(variable, "=")
	name = strings.ToLower(name)
	return value != "" && strings.HasSuffix(name, "_proxy") && name != "no_proxy"
}

// withNoProxy adds to a list what it lacks.
func withNoProxy(list string, hosts []string) string {
	entries := loopbackNames()
	for _, host := range hosts {
		host = strings.TrimPrefix(host, "*") // all know a suffix that begins with a dot, and few the asterisk
		if host != "localhost" && !strings.HasSuffix(host, ".localhost") && !slices.Contains(entries, host) {
			entries = append(entries, host)
		}
	}
	separator := func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }
	present := strings.FieldsFunc(list, separator)
	entries = slices.DeleteFunc(entries, func(entry string) bool { return slices.Contains(present, entry) })
	if list = strings.TrimRightFunc(list, separator); list != "" {
		entries = append([]string{list}, entries...)
	}
	return strings.Join(entries, ",")
}

// javaNoProxyVariables do the same for Java, whose proxies and their exceptions are options that stand in these variables. Java itself
// leaves out localhost and loopback addresses, unless it is told that the list is empty, but not the names under localhost.
func javaNoProxyVariables(get func(string) string) []clientenv.Variable {
	const option, list = "-Dhttp.nonProxyHosts=", "localhost|*.localhost|127.*|[::1]|" // Java passes over an empty entry at the end
	var excepting, proxied []string
	for _, name := range []string{"JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"} {
		switch value := get(name); {
		case strings.Contains(value, option):
			excepting = append(excepting, name)
		case strings.Contains(value, "-Dhttp.proxyHost="), strings.Contains(value, "-Dhttps.proxyHost="):
			proxied = append(proxied, name)
		}
	}
	var vars []clientenv.Variable
	for _, name := range excepting { // of several options of that name one counts, so all get the list, each once
		value := strings.ReplaceAll(get(name), option+list, option)
		vars = append(vars, clientenv.Variable{Name: name, Value: strings.ReplaceAll(value, option, option+list)})
	}
	if excepting != nil {
		return vars
	}
	for _, name := range proxied {
		vars = append(vars, clientenv.Variable{Name: name, Value: get(name) + " " + option + list})
	}
	return vars
}
