/* SPDX-License-Identifier: MIT */
/*
 * refuse.c - what the system refuses, for any program: LD_PRELOAD=refuse.so
 *
 *	REFUSE="memory:3"	the third call is refused
 *	REFUSE="map:3+"		the third, and all that follow
 *	REFUSE="guard:1+ membarrier:1+"
 *
 *	memory		malloc, calloc, realloc, aligned_alloc, posix_memalign
 *	thread		pthread_create
 *	map		mmap
 *	guard		MADV_GUARD_INSTALL, as before Linux 6.13; the first: at once, before 6.15
 *	protect		mprotect, as at vm.max_map_count
 *	membarrier	the system call, as seccomp filters refuse it
 *	affinity	sched_getaffinity
 *	atfork		pthread_atfork
 *	open		fopen, as without /proc and /sys
 *	clock		every clock but the monotonic one jumps by hours, to and fro
 *
 * Programs that find them ask refuse_count(), how many calls were refused, and
 * refuse_mapped(), how many bytes were mapped and not unmapped.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define KINDS(X)                                                                                   \
	X(MEMORY, "memory")                                                                        \
	X(THREAD, "thread")                                                                        \
	X(MAP, "map")                                                                              \
	X(GUARD, "guard")                                                                          \
	X(PROTECT, "protect")                                                                      \
	X(MEMBARRIER, "membarrier")                                                                \
	X(AFFINITY, "affinity")                                                                    \
	X(ATFORK, "atfork")                                                                        \
	X(OPEN, "open")                                                                            \
	X(CLOCK, "clock")

enum kind {
#define KIND(kind, name) kind,
	KINDS(KIND) KIND_COUNT
#undef KIND
};

static const char *const names[] = {
#define NAME(kind, name) name,
	KINDS(NAME)
#undef NAME
};

static struct {
	long from; /* 0: never */
	int on;	   /* those after it too */
	long calls;
} refuse[KIND_COUNT];
static long refused;
static long mapped;

long refuse_count(void);
long refuse_mapped(void);
long refuse_mapped(void)
{
	return __atomic_load_n(&mapped, __ATOMIC_SEQ_CST);
}

long refuse_count(void)
{
	return __atomic_load_n(&refused, __ATOMIC_SEQ_CST);
}

__attribute__((constructor)) static void read_environment(void)
{
	const char *at = getenv("REFUSE");

	while (at && *at) {
		size_t length = strcspn(at, ": ");

		for (int i = 0; i < KIND_COUNT; i++)
			if (strlen(names[i]) == length && strncmp(names[i], at, length) == 0 &&
			    at[length] == ':') {
				char *end;

				refuse[i].from = strtol(at + length + 1, &end, 10);
				refuse[i].on = *end == '+';
			}
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
}

static int is_refused(enum kind kind)
{
	long call;

	if (!refuse[kind].from)
		return 0;
	call = __atomic_add_fetch(&refuse[kind].calls, 1, __ATOMIC_SEQ_CST);
	if (call < refuse[kind].from || (call > refuse[kind].from && !refuse[kind].on))
		return 0;
	__atomic_add_fetch(&refused, 1, __ATOMIC_SEQ_CST);
	return 1;
}

#define NEXT(name) __typeof__(name) *next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* ---- memory: dlsym may come here, so not through it ------------------------------- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static void *none(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t bytes)
{
	return is_refused(MEMORY) ? none() : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	return is_refused(MEMORY) ? none() : __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
	return is_refused(MEMORY) ? none() : __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	return is_refused(MEMORY) ? none() : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
	*memory = is_refused(MEMORY) ? NULL : __libc_memalign(alignment, bytes);
	return *memory ? 0 : ENOMEM;
}

/* ---- the rest --------------------------------------------------------------------- */

static int no(int code)
{
	errno = code;
	return -1;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	NEXT(pthread_create);

	return is_refused(THREAD) ? EAGAIN : next(thread, attr, fn, arg);
}

void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
	NEXT(mmap);
	void *got = MAP_FAILED;

	if (is_refused(MAP))
		errno = ENOMEM;
	else
		got = next(at, bytes, protection, flags, file, offset);
	if (got != MAP_FAILED)
		__atomic_add_fetch(&mapped, (long)bytes, __ATOMIC_SEQ_CST);
	return got;
}

int munmap(void *at, size_t bytes)
{
	NEXT(munmap);
	int rc = next(at, bytes);

	if (rc == 0)
		__atomic_sub_fetch(&mapped, (long)bytes, __ATOMIC_SEQ_CST);
	return rc;
}

int madvise(void *at, size_t bytes, int advice)
{
	NEXT(madvise);

	return advice == 102 && is_refused(GUARD) ? no(EINVAL) : next(at, bytes, advice);
}

int mprotect(void *at, size_t bytes, int protection)
{
	NEXT(mprotect);

	return is_refused(PROTECT) ? no(ENOMEM) : next(at, bytes, protection);
}

int sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set)
{
	NEXT(sched_getaffinity);

	return is_refused(AFFINITY) ? no(EPERM) : next(pid, bytes, set);
}

FILE *fopen(const char *path, const char *mode)
{
	NEXT(fopen);

	if (is_refused(OPEN)) {
		errno = ENOENT;
		return NULL;
	}
	return next(path, mode);
}

/* pthread_atfork() itself is linked into each program */
int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void), void *dso);
int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void), void *dso)
{
	NEXT(__register_atfork);

	return is_refused(ATFORK) ? ENOMEM : next(before, parent, child, dso);
}

long syscall(long number, ...)
{
	long a[6];
	va_list args;
	NEXT(syscall);

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_futex && (a[1] & FUTEX_CLOCK_REALTIME))
		is_refused(CLOCK);
	if (number == SYS_membarrier && is_refused(MEMBARRIER))
		return no(EPERM);
	if (number == SYS_process_madvise && a[3] == 102 && is_refused(GUARD))
		return no(EBADF);
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- clocks ----------------------------------------------------------------------- */

static time_t jump(void)
{
	static const time_t jumps[] = { 0, 7200, -86400, 40000000, -3600 };

	if (!is_refused(CLOCK))
		return 0;
	return jumps[refuse_count() % (long)(sizeof(jumps) / sizeof(jumps[0]))];
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	NEXT(clock_gettime);
	int rc = next(id, t);

	if (rc == 0 && id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		t->tv_sec += jump();
	return rc;
}

int gettimeofday(struct timeval *t, void *zone)
{
	NEXT(gettimeofday);
	int rc = next(t, zone);

	t->tv_sec += jump();
	return rc;
}

time_t time(time_t *t)
{
	NEXT(time);
	time_t now = next(NULL) + jump();

	if (t)
		*t = now;
	return now;
}
