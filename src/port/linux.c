/* SPDX-License-Identifier: MIT */
/*
 * linux.c - port.h on Linux: futex, threads, memory maps, clock.
 * Processors and quotas are in cpus.c. Nothing here knows what a task is. What tasks
 * reach in the middle of their own work leaves errno as it was: it is theirs (R5).
 */
#include "base/assert.h"
#include "base/config.h"
#include "base/random.h"
#include "port/port.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ---- clock -------------------------------------------------------------- */

static crew_time read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (crew_time)t.tv_sec * 1000000000 + t.tv_nsec;
}

crew_time crew__port_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

crew_time crew__port_now_coarse(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

/* ---- futex -------------------------------------------------------------- */

/* HARD: every other sleep ends for no reason. */
static bool is_rare(void)
{
	static struct crew__word32 calls;

	return crew__add32_relaxed(&calls, 1) & 1;
}

bool crew__port_wait(struct crew__word32 *word, uint32_t expected, crew_time when)
{
	struct timespec at = { .tv_sec = when / 1000000000, .tv_nsec = when % 1000000000 };
	int saved = errno;
	bool in_time;
	long rc;

	if (when <= 0)
		return false;
	if (CREW__HARD && is_rare())
		return true;
	/* FUTEX_WAIT_BITSET takes an absolute time on the monotonic clock */
	rc = syscall(SYS_futex, &word->value, FUTEX_WAIT_BITSET_PRIVATE, expected,
		     when == CREW_NEVER ? NULL : &at, NULL, FUTEX_BITSET_MATCH_ANY);
	in_time = rc == 0 || errno != ETIMEDOUT;
	errno = saved;
	return in_time;
}

void crew__port_wake(struct crew__word32 *word, int count)
{
	int saved = errno;

	syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
	errno = saved;
}

/* ---- threads ------------------------------------------------------------ */

struct start {
	void (*fn)(void *);
	void *arg;
	char name[16];
};

static void *begin(void *opaque)
{
	struct start start = *(struct start *)opaque;

	free(opaque);
	pthread_setname_np(pthread_self(), start.name);
	/* a deadline is late by the slack; the default of 50 us is for desktops */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	start.fn(start.arg);
	return NULL;
}

static int thread_start(uint64_t *thread, void (*fn)(void *), void *arg, const char *name,
			size_t stack_bytes)
{
	struct start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	sigset_t all;
	sigset_t before;
	pthread_t id;
	int rc;

	if (!start)
		return -ENOMEM;
	start->fn = fn;
	start->arg = arg;
	strncpy(start->name, name, sizeof(start->name) - 1);
	start->name[sizeof(start->name) - 1] = '\0';
	pthread_attr_init(&attr);
	if (stack_bytes)
		pthread_attr_setstacksize(&attr, stack_bytes);
	/* The application's signals are the application's: none is delivered to
	 * our threads, except those that a fault of the thread itself raises, and
	 * SIGPROF, so that profilers see what tasks do.
	 * glibc keeps its own two (32, 33) out of every mask. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGPROF);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&id, &attr, begin, start);
	if (rc == EINVAL && stack_bytes) {
		/* the program's thread-locals alone do not fit: glibc takes them from here */
		pthread_attr_destroy(&attr);
		pthread_attr_init(&attr);
		rc = pthread_create(&id, &attr, begin, start);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc) {
		free(start);
		return -rc;
	}
	*thread = (uint64_t)id;
	return 0;
}

int crew__port_thread_start(uint64_t *thread, void (*fn)(void *), void *arg, const char *name)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return thread_start(thread, fn, arg, name, 0);
#else
	return thread_start(thread, fn, arg, name, 64 * 1024);
#endif
}

int crew__port_thread_start_big(uint64_t *thread, void (*fn)(void *), void *arg, const char *name)
{
	return thread_start(thread, fn, arg, name, 0);
}

void crew__port_thread_join(uint64_t thread)
{
	pthread_join((pthread_t)thread, NULL);
}

uint64_t crew__port_thread_self(void)
{
	return (uint64_t)pthread_self();
}

void crew__port_thread_yield(void)
{
	sched_yield();
}

/* ---- membarrier --------------------------------------------------------- */

static bool register_membarrier(void)
{
	long supported = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (supported < 0 || !(supported & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return false;
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

bool crew__port_has_membarrier(void)
{
	static struct crew__word32 known; /* 0: nobody has asked; 1: no; 2: yes */
	uint32_t answer = crew__load32_acquire(&known);

	if (!answer) {
		answer = register_membarrier() ? 2 : 1;
		crew__store32_release(&known, answer);
	}
	return answer == 2;
}

void crew__port_membarrier(void)
{
	int saved = errno;

	while (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) < 0)
		crew__require(errno == ENOMEM || errno == EINTR,
			      "membarrier stopped working (a seccomp filter?); apply the filter "
			      "before crew_start",
			      NULL);
	errno = saved;
}

/* ---- memory ------------------------------------------------------------- */

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#define PIDFD_SELF (-10001) /* the kernel's PIDFD_SELF_THREAD_GROUP */

size_t crew__port_page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void *crew__port_map(size_t bytes)
{
	int saved = errno;
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	errno = saved;
	return at == MAP_FAILED ? NULL : at;
}

void crew__port_unmap(void *at, size_t bytes)
{
	munmap(at, bytes);
}

void crew__port_map_huge(void *at, size_t bytes)
{
	int saved = errno;

	madvise(at, bytes, MADV_HUGEPAGE);
	errno = saved;
}

/* In one call, of Linux 6.15. Returns how many it made. */
static unsigned guard_at_once(char *at, size_t bytes, size_t stride, unsigned count)
{
	static struct crew__word32 cannot; /* who watches system calls may complain of each */
	struct iovec pages[CREW__GUARD_BATCH];
	ssize_t done;

	if (crew__load32_relaxed(&cannot))
		return 0;
	for (unsigned i = 0; i < count; i++)
		pages[i] = (struct iovec){ at + i * stride, bytes };
	done = syscall(SYS_process_madvise, PIDFD_SELF, pages, (size_t)count, MADV_GUARD_INSTALL,
		       0U);
	if (done <= 0)
		crew__store32_relaxed(&cannot, 1);
	return done > 0 ? (unsigned)((size_t)done / bytes) : 0;
}

unsigned crew__port_guard(char *at, size_t bytes, size_t stride, unsigned count)
{
	int saved = errno;
	unsigned done = guard_at_once(at, bytes, stride, count);

	for (; done < count; done++) {
		char *next = at + done * stride;

		if (madvise(next, bytes, MADV_GUARD_INSTALL) && mprotect(next, bytes, PROT_NONE))
			break;
	}
	errno = saved;
	return done;
}

void crew__port_map_trim(void *at, size_t bytes)
{
	int saved = errno;

	madvise(at, bytes, MADV_DONTNEED);
	errno = saved;
}

/* ---- fork --------------------------------------------------------------- */

static struct crew__word32 forks;
static void (*fork_hook)(void);

static void in_child(void)
{
	crew__add32_acq_rel(&forks, 1);
	if (fork_hook)
		fork_hook();
}

uint32_t crew__port_fork_count(void)
{
	return crew__load32_relaxed(&forks);
}

int crew__port_on_fork(void (*hook)(void))
{
	fork_hook = hook;
	return -pthread_atfork(NULL, NULL, in_child);
}

/* ---- choices ------------------------------------------------------------ */

uint32_t crew__port_choose(enum crew__choice what, uint32_t bound, uint64_t *state)
{
	switch (what) {
	case CREW__CHOICE_VICTIM:
		return crew__random_below(state, bound);
	case CREW__CHOICE_PATIENCE:
		return CREW__HARD ? 0 : bound - 1;
	case CREW__CHOICE_SPURIOUS:
		return CREW__HARD ? bound - 1 : 0;
	}
	return 0;
}

uint64_t crew__port_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)crew__port_now();
	return seed;
}

/* ---- environment and last words ------------------------------------------ */

const char *crew__port_env(const char *name)
{
	return secure_getenv(name);
}

void crew__port_say(const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t done = write(STDERR_FILENO, text, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		text += done;
		left -= (size_t)done;
	}
}

void crew__port_abort(void)
{
	abort();
}
