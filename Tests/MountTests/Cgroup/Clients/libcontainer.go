// A container's control groups by runc's own code: libcontainer.go v1|v2, with the tree at /sys/fs/cgroup.
// Each line of the output is what was found after a step; the first error ends the program.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strings"
	"time"

	"github.com/opencontainers/runc/libcontainer/cgroups"
	"github.com/opencontainers/runc/libcontainer/cgroups/fs"
	"github.com/opencontainers/runc/libcontainer/cgroups/fs2"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/devices"
	"golang.org/x/sys/unix"
)

const root = "/sys/fs/cgroup"

var busy = exec.Command("sh", "-c", "while :; do :; done")

func check(err error, step string) {
	if err != nil {
		fmt.Printf("%s: %v\n", step, err)
		if busy.Process != nil {
			busy.Process.Kill()
		}
		os.Exit(1)
	}
}

func rule(kind devices.Type, major, minor int64, permissions string, allow bool) *devices.Rule {
	return &devices.Rule{Type: kind, Major: major, Minor: minor, Permissions: devices.Permissions(permissions), Allow: allow}
}

// limits as an OCI runtime sets them for a small container.
func limits(legacy bool) *configs.Resources {
	swappiness := uint64(10)
	resources := &configs.Resources{
		Memory: 64 << 20, MemoryReservation: 32 << 20, MemorySwap: 128 << 20, CpuQuota: 50000, CpuPeriod: 100000,
		CpusetCpus: "0", CpusetMems: "0", PidsLimit: 20, SkipDevices: !legacy,
	}
	if !legacy {
		resources.CpuWeight = 50
		resources.Unified = map[string]string{"memory.oom.group": "1"}
		return resources
	}
	resources.CpuShares = 512
	resources.MemorySwappiness = &swappiness
	resources.Devices = []*devices.Rule{
		rule(devices.WildcardDevice, devices.Wildcard, devices.Wildcard, "rwm", false),
		rule(devices.CharDevice, devices.Wildcard, devices.Wildcard, "m", true),
		rule(devices.CharDevice, 1, 3, "rwm", true),
		rule(devices.CharDevice, 136, devices.Wildcard, "rwm", true),
		rule(devices.CharDevice, 1, 3, "w", false),
	}
	return resources
}

func manager(legacy bool, path string, resources *configs.Resources) cgroups.Manager {
	config := &configs.Cgroup{Path: path, Resources: resources}
	if !legacy {
		manager, err := fs2.NewManager(config, root+path)
		check(err, "fs2.NewManager")
		return manager
	}
	paths := map[string]string{}
	for _, name := range strings.Fields("blkio cpu cpuacct cpuset devices freezer hugetlb memory net_cls net_prio perf_event pids") {
		paths[name] = root + "/" + name + path
	}
	paths["name=systemd"] = root + "/systemd" + path
	manager, err := fs.NewManager(config, paths)
	check(err, "fs.NewManager")
	return manager
}

func show(manager cgroups.Manager, controller string, files ...string) {
	for _, file := range files {
		text, err := cgroups.ReadFile(manager.Path(controller), file)
		check(err, file)
		fmt.Printf("%s: %s\n", file, strings.ReplaceAll(strings.TrimSpace(text), "\n", ", "))
	}
}

// state is the letter of proc(5).
func state(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "gone"
	}
	return strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])[0]
}

func main() {
	legacy := os.Args[1] == "v1"
	check(busy.Start(), "start")
	pid := busy.Process.Pid

	group := manager(legacy, "/pod", limits(legacy))
	fmt.Println("exists before:", group.Exists())
	check(group.Apply(pid), "Apply")
	check(group.Set(limits(legacy)), "Set")
	fmt.Println("exists:", group.Exists())
	if legacy {
		show(group, "memory", "memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.swappiness")
		show(group, "cpu", "cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us")
		show(group, "cpuset", "cpuset.cpus", "cpuset.mems")
		show(group, "pids", "pids.max")
		show(group, "devices", "devices.list")
	} else {
		show(group, "", "memory.max", "memory.low", "memory.swap.max", "memory.oom.group", "cpu.weight", "cpu.max",
			"cpuset.cpus", "cpuset.mems", "pids.max")
	}

	pids, err := group.GetPids()
	check(err, "GetPids")
	fmt.Println("the process:", len(pids) == 1 && pids[0] == pid)
	var stats *cgroups.Stats
	used := uint64(0)
	// The machine may have others to serve.
	for end := time.Now().Add(20 * time.Second); used < 50_000_000 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
		stats, err = group.GetStats()
		check(err, "GetStats")
		used = stats.CpuStats.CpuUsage.TotalUsage
	}
	fmt.Println("CPU time:", used > 50_000_000 && used < 60_000_000_000)
	fmt.Println("memory:", stats.MemoryStats.Usage.Usage > 4096, stats.MemoryStats.Usage.Limit, len(stats.MemoryStats.Stats) > 10)
	fmt.Println("pids:", stats.PidsStats.Current, stats.PidsStats.Limit)
	kills, err := group.OOMKillCount()
	check(err, "OOMKillCount")
	fmt.Println("OOM kills:", kills)

	check(group.Freeze(configs.Frozen), "Freeze")
	frozen, err := group.GetFreezerState()
	check(err, "GetFreezerState")
	fmt.Println("frozen:", frozen, state(pid))
	check(group.Freeze(configs.Thawed), "Thaw")
	thawed, err := group.GetFreezerState()
	check(err, "GetFreezerState")
	fmt.Println("thawed:", thawed, state(pid) != "T")

	// On v2 only after the process has gone: a group with members hands on no controllers.
	if legacy {
		child := manager(legacy, "/pod/inner", &configs.Resources{})
		check(child.Apply(-1), "Apply of the child")
		inner, err := child.GetPids()
		check(err, "GetPids of the child")
		all, err := group.GetAllPids()
		check(err, "GetAllPids")
		sort.Ints(all)
		fmt.Println("child:", len(inner), len(all) == 1 && all[0] == pid)
		check(child.Destroy(), "Destroy of the child")
		check(unix.Kill(pid, unix.SIGKILL), "kill")
	} else {
		check(cgroups.WriteFile(group.Path(""), "cgroup.kill", "1"), "cgroup.kill")
	}
	fmt.Println("killed:", busy.Wait())
	check(group.Destroy(), "Destroy")
	fmt.Println("exists after:", group.Exists())
}
