package compose

import (
	"iter"
	"strings"
)

// placeOf names the kind of mapping a path leads to: services.web.volumes.0, in the service web, is service.volumes.
func placeOf(path, service string) string {
	if inside, ok := strings.CutPrefix(path, "services."+service); ok && service != "" {
		key, _, _ := strings.Cut(strings.TrimPrefix(inside, "."), ".")
		return strings.TrimSuffix("service."+key, ".")
	}
	switch top, _, deeper := strings.Cut(path, "."); {
	case path == "":
		return "file"
	case deeper:
		return strings.TrimSuffix(top, "s") // network, volume
	default:
		return top
	}
}

// adviceFor says, by kind of mapping, what to do in place of each key of the compose specification that is outside the subset.
func adviceFor(place string) map[string]string {
	const (
		take   = "take it out"
		limits = "take it out; the engine's own limits apply"
		image  = "use an image that has it set"
	)
	switch place {
	case "file":
		return map[string]string{
			"include": "give every file with -f", "secrets": "put the values into .env and name them under environment",
			"configs": "mount the file under volumes", "models": "start the model server yourself and set its base URL in .env",
			"jobs": "make it a service that others await with service_completed_successfully",
		}
	case "service":
		return map[string]string{
			"build":   "build the image yourself (docker build -t NAME .), name it under image, and take build out",
			"extends": "write the settings out, or share them with a YAML anchor", "deploy": limits, "develop": take,
			"secrets": "put the value into .env and name it under environment", "configs": "mount the file under volumes",
			"network_mode": "join a network under networks; the host is host.docker.internal by extra_hosts",
			"links":        "use the service's name: services of one network find each other", "external_links": "join its network, declared external",
			"privileged": "name the capabilities under cap_add", "devices": take, "gpus": take, "device_cgroup_rules": take,
			"logging": "take it out; letta-dev logs reads the engine's default", "pid": take, "ipc": "set shm_size", "uts": take,
			"userns_mode": take, "cgroup": take, "cgroup_parent": take, "runtime": take, "isolation": take, "platform": "take it out; the engine takes its own",
			"pull_policy": "take it out; what is missing is pulled", "pull_refresh_after": "take it out; what is missing is pulled",
			"read_only": take, "stdin_open": "take it out", "tty": take, "attach": take, "scale": "take it out; each service runs once",
			"stop_signal": image, "umask": image, "group_add": image, "sysctls": image, "domainname": "write the whole name under hostname",
			"dns": "take it out; the engine resolves names", "dns_opt": take, "dns_search": take, "mac_address": take,
			"label_file": "write the labels under labels", "annotations": "write them under labels", "volumes_from": "name the volume in both services",
			"storage_opt": take, "credential_spec": take, "provider": take, "models": "set the model server's base URL in .env", "use_api_socket": take,
			"post_start": "put it into the entrypoint", "pre_start": "put it into the entrypoint", "pre_stop": "put it into the entrypoint",
			"blkio_config": limits, "cpu_count": limits, "cpu_percent": limits, "cpu_period": limits, "cpu_quota": limits,
			"cpu_rt_period": limits, "cpu_rt_runtime": limits, "cpu_shares": limits, "cpus": limits, "cpuset": limits,
			"mem_limit": limits, "mem_reservation": limits, "mem_swappiness": limits, "memswap_limit": limits,
			"oom_kill_disable": limits, "oom_score_adj": limits, "pids_limit": limits,
		}
	case "network":
		return map[string]string{
			"driver_opts": "make the network yourself (docker network create) and declare it external", "ipam": "make the network yourself and declare it external",
			"internal": "make the network yourself and declare it external", "attachable": take, "labels": take,
			"enable_ipv4": "make the network yourself and declare it external", "enable_ipv6": "make the network yourself and declare it external",
		}
	case "volume":
		return map[string]string{"driver_opts": "make the volume yourself (docker volume create) and declare it external", "labels": take}
	case "service.volumes":
		return map[string]string{"consistency": take, "bind": take, "volume": take, "tmpfs": "write it under the service's tmpfs", "image": take}
	case "service.networks":
		return map[string]string{
			"ipv4_address": "use the service's name", "ipv6_address": "use the service's name", "link_local_ips": take, "mac_address": take,
			"priority": take, "gw_priority": take, "driver_opts": take, "interface_name": take,
		}
	case "service.depends_on":
		return map[string]string{"restart": "take it out; docker restart CONTAINER restarts one"}
	case "service.healthcheck":
		return map[string]string{"start_interval": "use interval and start_period: engines before 25.0 do not know it"}
	case "service.env_file":
		return map[string]string{"format": "take it out, and put values into single quotes to have them as they stand"}
	}
	return nil
}

// nearest is the key a person most likely meant: at most two slips away, and less than half of the word.
func nearest(key string, among iter.Seq[string]) string {
	best, distance := "", min(3, (len(key)+1)/2)
	for candidate := range among {
		d := slips(key, candidate)
		if d < distance || d == distance && candidate < best {
			best, distance = candidate, d
		}
	}
	return best
}

// isNearlyOurs tells a misspelt x-letta-dev from somebody else's settings. One slip is what sets it apart: x-letta-env is two away.
func isNearlyOurs(key string) bool {
	bare := strings.NewReplacer("-", "", "_", "", ".", "")
	return slips(key, "x-letta-dev") == 1 || bare.Replace(strings.ToLower(key)) == bare.Replace("x-letta-dev")
}

// slips is the Levenshtein distance: letters added, left out or changed.
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
