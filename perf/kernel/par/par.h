/* SPDX-License-Identifier: MIT */
/*
 * par.h - problems that divide into two, or into the pieces of a loop: each is
 * written once, with the same code for every peer. What a peer brings is three
 * functions: crew.c here, rival/par_*.
 *
 * Those in the folder above are written anew for each peer instead, the way its
 * manual says, because there the cost of a task is all that is measured.
 *
 * A problem has a serial version too; its answer is what every other has to give.
 * The arithmetic is done in the same order everywhere, or is exact, so the answers
 * are equal to the last bit. C and C++.
 */
#ifndef PAR_H
#define PAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a peer ---------------------------------------------------------------- */

typedef void par_fn(void *arg);
typedef void par_range_fn(void *arg, long from, long to);
typedef int64_t par_loop_fn(uint64_t n, long param);

extern const char par_peer[];
/* fn(a) and fn(b), at the same time if that can be. */
void par_two(par_fn *fn, void *a, void *b);
/* fn over [0, count) in pieces: about `grain`, the last one less. */
void par_for(long count, long grain, par_range_fn *fn, void *arg);
/* Calls loop inside of `workers`. Below 0: it could not. */
int64_t par_run(long workers, par_loop_fn *loop, uint64_t n, long param);

/* What a peer may have besides; NULL: nothing, then par_for() does it. */
/* fn for the few children of a node, which have some themselves. */
void par_children(long count, par_range_fn *fn, void *arg) __attribute__((weak));
/* Its library's own sort. */
void par_library_sort(uint32_t *numbers, long count) __attribute__((weak));

/* ---- a problem ------------------------------------------------------------- */

struct par_kernel {
	const char *name;
	bool (*prepare)(void); /* makes the input; false: it said why not */
	void (*reset)(void);   /* before each run, not counted; or NULL */
	void (*serial)(void);
	void (*parallel)(void);
	uint64_t (*answer)(void); /* of the last run, in one number */
};

extern const struct par_kernel par_integrate, par_heat, par_cholesky, par_strassen, par_matmul,
	par_fft, par_sort, par_sort_library, par_mandelbrot, par_words, par_histogram, par_bfs,
	par_triangles, par_saxpy, par_irregular, par_reduce, par_uts_deep, par_skynet;

/* ---- what problems share --------------------------------------------------- */

static inline uint64_t par_mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Memory of zeroes; ends the program when there is none. */
void *par_memory(size_t bytes);
/* One number for `bytes` at `at`. */
uint64_t par_digest(const void *at, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif /* PAR_H */
