/* SPDX-License-Identifier: MIT */
/*
 * common.h - what the programs share: sizes of the benchmarks, a latency
 * recorder, the loop that counts CPU time while nothing happens. C and C++.
 *
 */
#ifndef COMMON_H
#define COMMON_H

#include <crew/bench.h>

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifndef CLOCK_PROCESS_CPUTIME_ID
#error "compile with -std=gnu11 or -std=gnu++20"
#endif

#define FLAT_TASKS    1000000 /* empty tasks, spawned by one */
#define LAUNCH_PIECES 8	      /* of an empty loop ... */
#define LAUNCH_TURNS  125     /* ... of 1000 turns in all */
#define WAKE_COUNT    1000    /* idle, then one task, per sample */
#define IDLE_SECONDS  5

/* One piece of the empty loop. */
static inline void launch_piece(void)
{
	for (int i = 0; i < LAUNCH_TURNS; i++)
		__asm__ volatile("");
}

/* Adds the process's largest resident size, in MiB, as `name`. */
static inline void peak_memory(const char *name)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	crew_bench_value(name, "MiB", (double)usage.ru_maxrss / 1024);
}

/* The resident size now, in bytes. */
static inline double memory_now(void)
{
	long total = 0, resident = 0;
	FILE *in = fopen("/proc/self/statm", "r");

	if (in) {
		if (fscanf(in, "%ld %ld", &total, &resident) != 2)
			resident = 0;
		fclose(in);
	}
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static inline void sleep_ns(crew_time duration)
{
	struct timespec left = { (time_t)(duration / 1000000000), (long)(duration % 1000000000) };

	while (nanosleep(&left, &left))
		;
}

/* Sleeps IDLE_SECONDS and adds the CPU seconds that the process used as `name`. */
static inline void idle_cpu(const char *name)
{
	struct timespec before, after;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	sleep_ns(CREW_S(IDLE_SECONDS));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	crew_bench_value(name, "s",
			 (double)(after.tv_sec - before.tv_sec) +
				 (double)(after.tv_nsec - before.tv_nsec) / 1e9);
}

/*
 * Wake latency. wake_one(&stamp) hands one task to an idle pool, from a plain
 * thread; the task stores crew_bench_now() in stamp. When wake_one returns, the
 * task has ended. Adds wake.p50 and wake.p99.
 */
static inline void wake_latency(void (*wake_one)(crew_time *stamp))
{
	static double latency[WAKE_COUNT];

	for (int i = 0; i < WAKE_COUNT; i++) {
		crew_time begin, stamp = 0;

		sleep_ns(CREW_MS(1));
		begin = crew_bench_now();
		wake_one(&stamp);
		latency[i] = (double)(stamp - begin) / 1000;
	}
	crew_bench_sort(latency, WAKE_COUNT);
	crew_bench_value("wake.p50", "us", crew_bench_quantile(latency, WAKE_COUNT, 0.50));
	crew_bench_value("wake.p99", "us", crew_bench_quantile(latency, WAKE_COUNT, 0.99));
}

#endif /* COMMON_H */
