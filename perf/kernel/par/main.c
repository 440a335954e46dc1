/* SPDX-License-Identifier: MIT */
/*
 * main.c - measures the peer this is linked with: the problems of par.h, `name` for
 * the serial version, `name.2w` with 2 workers, and so on in powers of two up to the
 * processors there are, in milliseconds; and `turns.N`, an empty loop of N turns with 2
 * workers, in nanoseconds for each turn.
 */
#include <crew/bench.h>

#include "par.h"

#include <stdarg.h>
#include <unistd.h>

static const struct par_kernel *const kernels[] = {
	&par_integrate, &par_heat,	&par_cholesky,	   &par_strassen,  &par_matmul,
	&par_fft,	&par_sort,	&par_words,	   &par_histogram, &par_mandelbrot,
	&par_bfs,	&par_triangles, &par_saxpy,	   &par_irregular, &par_reduce,
	&par_uts_deep,	&par_skynet,	&par_sort_library,
};

enum {
	KERNELS = 18,
	WORKERS_MAX = 128,
	BENCHES_MAX = KERNELS * 8 + 4, /* 1 to 128 workers; 4 sizes */
};

_Static_assert(sizeof(kernels) == KERNELS * sizeof(void *), "count them");

static const struct par_kernel *prepared;
static uint64_t expected;

void *par_memory(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (!memory) {
		fprintf(stderr, "%s: no memory for %zu bytes\n", par_peer, bytes);
		exit(1);
	}
	return memory;
}

uint64_t par_digest(const void *at, size_t bytes)
{
	const char *next = at;
	uint64_t digest = 0, word = 0;

	for (; bytes >= sizeof(word); bytes -= sizeof(word), next += sizeof(word)) {
		memcpy(&word, next, sizeof(word));
		digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		digest ^= digest >> 29;
	}
	word = 0;
	memcpy(&word, next, bytes);
	return par_mix(digest ^ word);
}

/* The problem once made and solved serially: false when it cannot be made. */
static bool prepare(const struct par_kernel *kernel)
{
	if (prepared == kernel)
		return true;
	if (!kernel->prepare())
		return false;
	if (kernel->reset)
		kernel->reset();
	kernel->serial();
	expected = kernel->answer();
	prepared = kernel;
	return true;
}

/* Workers, 0 for the serial version, and which problem. */
static int64_t loop(uint64_t n, long param)
{
	const struct par_kernel *kernel = kernels[param % KERNELS];
	bool serial = param < KERNELS;
	crew_time took = 0;

	for (uint64_t i = 0; i < n; i++) {
		crew_time begin;

		if (kernel->reset)
			kernel->reset();
		begin = crew_bench_now();
		serial ? kernel->serial() : kernel->parallel();
		took += crew_bench_now() - begin;
		if (kernel->answer() != expected) {
			fprintf(stderr, "%s: not the answer of the serial version\n", kernel->name);
			return -1;
		}
	}
	return took;
}

static crew_time bench(uint64_t n, long param)
{
	if (!prepare(kernels[param % KERNELS]))
		return -1;
	return par_run(param / KERNELS, loop, n, param);
}

/* ---- an empty loop --------------------------------------------------------- */

static void nothing(void *arg, long from, long to)
{
	(void)arg;
	(void)from;
	crew_bench_keep(&to);
}

static int64_t turns_loop(uint64_t n, long count)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		par_for(count, 1, nothing, NULL);
	return crew_bench_now() - begin;
}

static crew_time turns(uint64_t n, long count)
{
	return par_run(2, turns_loop, n, count);
}

/* ---- all of them ----------------------------------------------------------- */

static struct crew_bench benches[BENCHES_MAX];
static size_t count;

__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...)
{
	static char names[BENCHES_MAX][32];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(names[count], sizeof(names[count]), format, arguments);
	va_end(arguments);
	return names[count];
}

static void add_kernel(const char *name, long param)
{
	benches[count++] = (struct crew_bench){
		.name = name, .fn = bench, .param = param, .unit = "ms", .divisor = 1e6, .n = 1
	};
}

int main(int argc, char **argv)
{
	bool serial = strcmp(par_peer, "serial") == 0;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	for (long k = 0; k < KERNELS; k++)
		for (long workers = 1; workers <= WORKERS_MAX; workers *= 2)
			if (kernels[k] == &par_sort_library && (workers == 1 || !par_library_sort))
				continue;
			else if (serial && workers == 1)
				add_kernel(kernels[k]->name, k);
			else if (!serial && (workers <= 2 || workers <= processors))
				add_kernel(text("%s.%ldw", kernels[k]->name, workers),
					   workers * KERNELS + k);
	for (long size = 1; size <= 1000000 && !serial; size *= 100, count++)
		benches[count] = (struct crew_bench){ .name = text("turns.%ld", size),
						      .fn = turns,
						      .param = size,
						      .divisor = (double)size };
	return crew_bench_main(argc, argv, par_peer, benches, count);
}
