/* SPDX-License-Identifier: MIT */
/*
 * cpus.c - how many processors may this process use?
 *
 * The smaller of the affinity mask and the CPU quota of every cgroup from ours
 * up to the root: a limit above us binds us too. Version 2 writes "quota period"
 * or "max period" into cpu.max; version 1 writes microseconds into
 * cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us. A part of a processor
 * counts as one: a worker that is throttled now and then is better than none.
 *
 * What is read once, at crew_start, does not follow later changes.
 */
#include "port/port.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_MAX_ 1024

static unsigned affinity(void)
{
	/* sizes above the kernel's fail with EINVAL only when too small */
	for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
		cpu_set_t *set = CPU_ALLOC((size_t)cpus);
		size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
		int count = 0;

		if (!set)
			break;
		if (sched_getaffinity(0, bytes, set) == 0)
			count = CPU_COUNT_S(bytes, set);
		CPU_FREE(set);
		if (count > 0)
			return (unsigned)count;
	}
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online > 0 ? (unsigned)online : 1;
}

/* Reads the first line of directory/file. */
static bool read_line(const char *directory, const char *file, char *line, size_t size)
{
	char path[PATH_MAX_ + 64];
	FILE *in;
	bool ok;

	if (snprintf(path, sizeof(path), "%s/%s", directory, file) >= (int)sizeof(path))
		return false;
	in = fopen(path, "re");
	if (!in)
		return false;
	ok = fgets(line, (int)size, in) != NULL;
	fclose(in);
	return ok;
}

static double quota_v2(const char *directory)
{
	char line[128];
	long long quota;
	long long period;

	if (!read_line(directory, "cpu.max", line, sizeof(line)) ||
	    sscanf(line, "%lld %lld", &quota, &period) != 2 || quota <= 0 || period <= 0)
		return 0;
	return (double)quota / (double)period;
}

static double quota_v1(const char *directory)
{
	char line[128];
	long long quota;
	long long period;

	if (!read_line(directory, "cpu.cfs_quota_us", line, sizeof(line)))
		return 0;
	quota = strtoll(line, NULL, 10);
	if (!read_line(directory, "cpu.cfs_period_us", line, sizeof(line)))
		return 0;
	period = strtoll(line, NULL, 10);
	return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

/* The smallest quota of root + path, and of each directory above it. 0: none. */
static double smallest_quota(const char *root, const char *path, double (*quota)(const char *))
{
	char directory[PATH_MAX_];
	size_t root_length = strlen(root);
	double smallest = 0;

	if (snprintf(directory, sizeof(directory), "%s%s", root, path) >= (int)sizeof(directory))
		return 0;
	for (;;) {
		double here = quota(directory);
		char *slash;

		if (here > 0 && (smallest == 0 || here < smallest))
			smallest = here;
		slash = strrchr(directory, '/');
		if (!slash || (size_t)(slash - directory) < root_length)
			return smallest;
		*slash = '\0';
	}
}

static bool has_controller(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/* Lines of /proc/self/cgroup: "4:cpu,cpuacct:/path" (v1), "0::/path" (v2). */
static double quota_of_process(void)
{
	FILE *in = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX_];
	double smallest = 0;

	if (!in)
		return 0;
	while (fgets(line, sizeof(line), in)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		double here = 0;

		if (!path)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (strcmp(path, "/") == 0)
			*path = '\0';
		if (controllers[1] == '\0') {
			here = smallest_quota("/sys/fs/cgroup", path, quota_v2);
			if (here == 0)
				here = smallest_quota("/sys/fs/cgroup/unified", path, quota_v2);
		} else if (has_controller(controllers + 1, "cpu")) {
			here = smallest_quota("/sys/fs/cgroup/cpu", path, quota_v1);
			if (here == 0)
				here = smallest_quota("/sys/fs/cgroup/cpu,cpuacct", path, quota_v1);
		}
		if (here > 0 && (smallest == 0 || here < smallest))
			smallest = here;
	}
	fclose(in);
	return smallest;
}

uint64_t crew__port_thread_count(void)
{
	FILE *in = fopen("/proc/self/status", "re");
	char line[128];
	unsigned long long count = 0;

	if (!in)
		return 0;
	while (!count && fgets(line, sizeof(line), in))
		if (sscanf(line, "Threads: %llu", &count) != 1)
			count = 0;
	fclose(in);
	return count;
}

unsigned crew__port_cpu_limit(char *why, size_t why_size)
{
	unsigned limit = affinity();
	double quota = quota_of_process();

	if (why && quota > 0)
		snprintf(why, why_size, "affinity %u, quota %.2f", limit, quota);
	else if (why)
		snprintf(why, why_size, "affinity %u, quota none", limit);
	if (quota > 0 && quota < limit) {
		limit = (unsigned)quota;
		if (limit < quota)
			limit++;
	}
	return limit ? limit : 1;
}
