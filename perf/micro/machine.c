/* SPDX-License-Identifier: MIT */
/*
 * machine.c - what the machine itself charges, measured in the same run as
 * everything else: targets without a rival are stated in these.
 *
 *	cmpxchg		compare-exchange on a word in the first-level cache
 *	store_fence	a store and a full fence
 *	cacheline	a cache line to another processor and back
 *	futex		two threads on two processors wake each other: there and back
 *	membarrier	a fence in every running thread of the process: another one computes
 *	clock		clock_gettime
 *	page		first touch of a page of fresh memory
 *	sched_yield	the system call, with nobody else to run
 */
#include <crew/bench.h>

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Alignas(64) uint64_t word;

static crew_time cmpxchg(uint64_t n, long param)
{
	crew_time begin = crew_bench_now();

	(void)param;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t expected = i;

		word = i;
		__atomic_compare_exchange_n(&word, &expected, i + 1, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	}
	return crew_bench_now() - begin;
}

static crew_time store_fence(uint64_t n, long param)
{
	crew_time begin = crew_bench_now();

	(void)param;
	for (uint64_t i = 0; i < n; i++) {
		__atomic_store_n(&word, i, __ATOMIC_RELAXED);
#ifdef __x86_64__
		__asm__ volatile("mfence" ::: "memory"); /* gcc would use lock or */
#else
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
	}
	return crew_bench_now() - begin;
}

/* Before passing on, so that the other one really sleeps. */
#define FALL_ASLEEP 20000

static _Alignas(128) uint32_t turn; /* even: ours, odd: the other thread's */

static void pass_spinning(uint64_t n, uint32_t me)
{
	for (uint64_t i = 0; i < n; i++) {
		while ((__atomic_load_n(&turn, __ATOMIC_ACQUIRE) & 1) != me)
			;
		__atomic_store_n(&turn, turn + 1, __ATOMIC_RELEASE);
	}
}

static void pass_sleeping(uint64_t n, uint32_t me)
{
	for (uint64_t i = 0; i < n; i++) {
		crew_time wait_until;
		uint32_t now;

		while (((now = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) & 1) != me)
			syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
		wait_until = crew_bench_now() + FALL_ASLEEP;
		while (crew_bench_now() < wait_until)
			;
		__atomic_store_n(&turn, now + 1, __ATOMIC_RELEASE);
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
}

struct passer {
	void (*pass)(uint64_t n, uint32_t me);
	uint64_t n;
};

/* Keeps the calling thread on the index-th processor that it may use. */
static bool pin(int index)
{
	static cpu_set_t allowed;
	static bool known;
	cpu_set_t one;
	size_t cpu = 0;

	if (!known)
		known = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
	while (cpu < CPU_SETSIZE && (!CPU_ISSET(cpu, &allowed) || index-- > 0))
		cpu++;
	if (cpu == CPU_SETSIZE)
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0;
}

static void *other_thread(void *arg)
{
	const struct passer *passer = arg;

	pin(1);
	passer->pass(passer->n, 1);
	return NULL;
}

/* There and back n times between this thread and another. */
static crew_time pass(uint64_t n, void (*how)(uint64_t n, uint32_t me))
{
	struct passer passer = { how, n };
	pthread_t thread;
	crew_time begin;

	turn = 1; /* the other passes first: the clock starts when it runs */
	if (!pin(1) || !pin(0)) {
		fprintf(stderr, "there is only one processor\n");
		return -1;
	}
	if (pthread_create(&thread, NULL, other_thread, &passer))
		return -1;
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) == 1)
		sched_yield();
	begin = crew_bench_now();
	how(n, 0);
	begin = crew_bench_now() - begin;
	pthread_join(thread, NULL);
	return begin;
}

static crew_time cacheline(uint64_t n, long param)
{
	(void)param;
	return pass(n, pass_spinning);
}

static crew_time futex(uint64_t n, long param)
{
	crew_time took = pass(n, pass_sleeping);

	(void)param;
	return took < 0 ? took : took - (crew_time)(2 * n - 1) * FALL_ASLEEP;
}

static bool enough;

static void *compute(void *arg)
{
	(void)arg;
	pin(1);
	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED))
		;
	return NULL;
}

static crew_time membarrier(uint64_t n, long param)
{
	pthread_t thread;
	crew_time begin;

	(void)param;
	pin(0);
	enough = false;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) ||
	    pthread_create(&thread, NULL, compute, NULL))
		return -1;
	begin = crew_bench_now();
	for (uint64_t i = 0; i < n; i++)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	begin = crew_bench_now() - begin;
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return begin;
}

static crew_time clock_read(uint64_t n, long param)
{
	crew_time begin = crew_bench_now(), end = begin;

	(void)param;
	for (uint64_t i = 0; i < n; i++)
		end = crew_bench_now();
	return end - begin;
}

static crew_time page(uint64_t n, long param)
{
	crew_time begin;
	char *at = mmap(NULL, n * 65536, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)param;
	if (at == MAP_FAILED)
		return -1;
	begin = crew_bench_now();
	for (uint64_t i = 0; i < n; i++)
		at[i * 65536] = 1;
	begin = crew_bench_now() - begin;
	munmap(at, n * 65536);
	return begin;
}

static crew_time yield(uint64_t n, long param)
{
	crew_time begin = crew_bench_now();

	(void)param;
	for (uint64_t i = 0; i < n; i++)
		sched_yield();
	return crew_bench_now() - begin;
}

static const struct crew_bench benches[] = {
	{ .name = "cmpxchg", .fn = cmpxchg },	    { .name = "store_fence", .fn = store_fence },
	{ .name = "cacheline", .fn = cacheline },   { .name = "futex", .fn = futex },
	{ .name = "membarrier", .fn = membarrier }, { .name = "clock", .fn = clock_read },
	{ .name = "page", .fn = page, .n = 10000 }, { .name = "sched_yield", .fn = yield },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "machine", benches, sizeof(benches) / sizeof(*benches));
}
