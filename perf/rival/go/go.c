/* SPDX-License-Identifier: MIT */
/*
 * go.c - asks the Go program next to this one (build/perf/go-server, from
 * server.go) to do each operation n times, so that Go is measured by the same
 * harness. A question is a line "name n workers"; answers are lines "value name
 * unit number" and at last "took nanoseconds".
 */
#include "../../common.h"
#include "../../kernel/kernel.h"

#include <limits.h>
#include <sys/types.h>

static FILE *question, *answer;

static bool start_server(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 8);
	int to[2], from[2];

	if (length < 0 || pipe(to) || pipe(from))
		return false;
	memcpy(path + length, "-server", sizeof("-server"));
	if (fork() == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execl(path, path, (char *)NULL);
		perror(path);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	question = fdopen(to[1], "w");
	answer = fdopen(from[0], "r");
	return question && answer;
}

static crew_time ask(const char *what, uint64_t n, long workers)
{
	char line[256], name[64], unit[16];
	double value;
	long long took;

	if (!question && !start_server())
		return -1;
	fprintf(question, "%s %llu %ld\n", what, (unsigned long long)n, workers);
	fflush(question);
	while (fgets(line, sizeof(line), answer)) {
		if (sscanf(line, "took %lld", &took) == 1)
			return took;
		if (sscanf(line, "value %63s %15s %lf", name, unit, &value) == 3)
			crew_bench_value(strdup(name), strdup(unit), value);
	}
	return -1;
}

#define ASK(name)                                                                                  \
	static crew_time name(uint64_t n, long workers)                                            \
	{                                                                                          \
		return ask(#name, n, workers);                                                     \
	}
ASK(fib)
ASK(queens)
ASK(uts)
ASK(flat)
ASK(launch)
ASK(yield)
ASK(pingpong)
ASK(channel_free)
ASK(channel_0)
ASK(channel_64)
ASK(channel_many_0)
ASK(channel_many_64)
ASK(channel_select)
ASK(park)
ASK(wake)
ASK(idle)
ASK(skynet)
ASK(cancel)
#undef ASK

static const struct crew_bench benches[] = {
	{ .name = "fib.1w", .fn = fib, .param = 1, .divisor = FIB_SPAWNS },
	{ .name = "fib.2w", .fn = fib, .param = 2, .divisor = FIB_SPAWNS },
	{ .name = "queens.1w", .fn = queens, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "queens.2w", .fn = queens, .param = 2, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts.1w", .fn = uts, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts.2w", .fn = uts, .param = 2, .unit = "ms", .divisor = 1e6 },
	{ .name = "flat", .fn = flat, .param = 2, .divisor = FLAT_TASKS, .n = 1, .fresh = true },
	{ .name = "launch", .fn = launch, .param = 2, .unit = "us", .divisor = 1e3 },
	{ .name = "yield", .fn = yield, .param = 1 },
	{ .name = "pingpong.1w", .fn = pingpong, .param = 1 },
	{ .name = "pingpong.2w", .fn = pingpong, .param = 2 },
	{ .name = "channel.free", .fn = channel_free, .param = 1 },
	{ .name = "channel.0.1w", .fn = channel_0, .param = 1 },
	{ .name = "channel.0.2w", .fn = channel_0, .param = 2 },
	{ .name = "channel.64.1w", .fn = channel_64, .param = 1 },
	{ .name = "channel.64.2w", .fn = channel_64, .param = 2 },
	{ .name = "channel.many.0.2w", .fn = channel_many_0, .param = 2 },
	{ .name = "channel.many.64.2w", .fn = channel_many_64, .param = 2 },
	{ .name = "channel.ball.1w", .fn = pingpong, .param = 1 },
	{ .name = "channel.ball.2w", .fn = pingpong, .param = 2 },
	{ .name = "channel.select.1w", .fn = channel_select, .param = 1 },
	{ .name = "channel.select.2w", .fn = channel_select, .param = 2 },
	{ .name = "park", .fn = park, .param = 2, .n = 1, .fresh = true },
	{ .name = "wake", .fn = wake, .param = 2, .n = 1, .fresh = true },
	{ .name = "skynet.2w", .fn = skynet, .param = 2, .unit = "ms", .divisor = 1e6, .n = 1 },
	{ .name = "cancel", .fn = cancel, .param = 2, .n = 1, .fresh = true },
	{ .name = "idle", .fn = idle, .param = 2, .n = 1, .fresh = true },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "go", benches, sizeof(benches) / sizeof(*benches));
}
