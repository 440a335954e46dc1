/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the only spelling of atomics in this library.
 *
 * The order is part of the operation's name; nobody passes an order as an
 * argument. Operands are `struct crew_word` (64 bits) or `struct crew__word32`
 * (32 bits, what a futex can sleep on), so that touching a shared word without
 * naming an order does not compile.
 *
 * Every release names its acquire in a comment: pairs: <file>.<name>.
 *
 * In simulated builds (CREW_SIM) the operations are calls of src/sim/weak.c: each is a
 * scheduling point, and what it loads may be as old as its order permits. Under TSan,
 * which ignores fences, the fences become a read-modify-write of a common word.
 */
#ifndef CREW__ATOMIC_H
#define CREW__ATOMIC_H

#include "crew/base.h"

struct crew__word32 {
	uint32_t value;
};

#ifdef CREW_SIM
void crew__sim_point(void); /* src/sim/world.c */
/* src/sim/weak.c; order: one of __ATOMIC_RELAXED ... */
uint64_t crew__sim_load(const void *at, unsigned bytes, int order);
void crew__sim_store(void *at, unsigned bytes, uint64_t value, int order);
uint64_t crew__sim_exchange(void *at, unsigned bytes, uint64_t value, int order);
uint64_t crew__sim_add(void *at, unsigned bytes, uint64_t value, int order);
uint64_t crew__sim_or(void *at, unsigned bytes, uint64_t value, int order);
uint64_t crew__sim_and(void *at, unsigned bytes, uint64_t value, int order);
bool crew__sim_cas(void *at, unsigned bytes, void *expected, uint64_t desired, int order,
		   int failure);
uint64_t crew__sim_own(const void *at);
void crew__sim_show(void *at, uint64_t value);
void crew__sim_fence(void);
#define CREW__POINT() crew__sim_point()
/* Stands behind the name of a static variable that changes while a crew runs: the
 * simulated world puts it back before each run. */
#define CREW__STATE __attribute__((section("crew_state")))
#define CREW__ATOMIC_LOAD(at, order)                                                               \
	((__typeof__(*(at) + 0))crew__sim_load(at, sizeof(*(at)), order))
#define CREW__ATOMIC_STORE(at, v, order) crew__sim_store(at, sizeof(*(at)), v, order)
#define CREW__ATOMIC_RMW(name, builtin, at, v, order)                                              \
	((__typeof__(*(at)))crew__sim_##name(at, sizeof(*(at)), v, order))
#define CREW__ATOMIC_CAS(at, expected, desired, order, failure)                                    \
	crew__sim_cas(at, sizeof(*(at)), expected, desired, order, failure)
#else
#define CREW__POINT() ((void)0)
#define CREW__STATE
#define CREW__ATOMIC_LOAD(at, order)		      __atomic_load_n(at, order)
#define CREW__ATOMIC_STORE(at, v, order)	      __atomic_store_n(at, v, order)
#define CREW__ATOMIC_RMW(name, builtin, at, v, order) builtin(at, v, order)
#define CREW__ATOMIC_CAS(at, expected, desired, order, failure)                                    \
	__atomic_compare_exchange_n(at, expected, desired, false, order, failure)
#endif

#define CREW__ATOMIC_OPS(word_type, value_type, suffix)                                            \
	static inline value_type crew__load##suffix##_relaxed(const word_type *w)                  \
	{                                                                                          \
		return CREW__ATOMIC_LOAD(&w->value, __ATOMIC_RELAXED);                             \
	}                                                                                          \
	static inline value_type crew__load##suffix##_acquire(const word_type *w)                  \
	{                                                                                          \
		return CREW__ATOMIC_LOAD(&w->value, __ATOMIC_ACQUIRE);                             \
	}                                                                                          \
	static inline void crew__store##suffix##_relaxed(word_type *w, value_type v)               \
	{                                                                                          \
		CREW__ATOMIC_STORE(&w->value, v, __ATOMIC_RELAXED);                                \
	}                                                                                          \
	static inline void crew__store##suffix##_release(word_type *w, value_type v)               \
	{                                                                                          \
		CREW__ATOMIC_STORE(&w->value, v, __ATOMIC_RELEASE);                                \
	}                                                                                          \
	static inline value_type crew__exchange##suffix##_acq_rel(word_type *w, value_type v)      \
	{                                                                                          \
		return CREW__ATOMIC_RMW(exchange, __atomic_exchange_n, &w->value, v,               \
					__ATOMIC_ACQ_REL);                                         \
	}                                                                                          \
	/* strong; on failure *expected is what was found, loaded with acquire */                  \
	static inline bool crew__cas##suffix##_acq_rel(word_type *w, value_type *expected,         \
						       value_type desired)                         \
	{                                                                                          \
		return CREW__ATOMIC_CAS(&w->value, expected, desired, __ATOMIC_ACQ_REL,            \
					__ATOMIC_ACQUIRE);                                         \
	}                                                                                          \
	static inline value_type crew__add##suffix##_relaxed(word_type *w, value_type v)           \
	{                                                                                          \
		return CREW__ATOMIC_RMW(add, __atomic_fetch_add, &w->value, v, __ATOMIC_RELAXED);  \
	}                                                                                          \
	static inline value_type crew__add##suffix##_acq_rel(word_type *w, value_type v)           \
	{                                                                                          \
		return CREW__ATOMIC_RMW(add, __atomic_fetch_add, &w->value, v, __ATOMIC_ACQ_REL);  \
	}                                                                                          \
	static inline value_type crew__or##suffix##_acq_rel(word_type *w, value_type v)            \
	{                                                                                          \
		return CREW__ATOMIC_RMW(or, __atomic_fetch_or, &w->value, v, __ATOMIC_ACQ_REL);    \
	}                                                                                          \
	static inline value_type crew__and##suffix##_acq_rel(word_type *w, value_type v)           \
	{                                                                                          \
		return CREW__ATOMIC_RMW(and, __atomic_fetch_and, &w->value, v, __ATOMIC_ACQ_REL);  \
	}

CREW__ATOMIC_OPS(struct crew_word, uint64_t, )
CREW__ATOMIC_OPS(struct crew__word32, uint32_t, 32)
#undef CREW__ATOMIC_OPS

/* (simulated builds are compiled for TSan as well: src/sim/race.c) */
#ifdef CREW_SIM
#elif defined(__SANITIZE_THREAD__)
#define CREW__TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CREW__TSAN 1
#endif
#endif

/* Orders that TSan cannot see: a hand-over through code that it does not instrument,
 * or through being one thread. Nothing in other builds. */
#ifdef CREW__TSAN
void __tsan_acquire(void *at);
void __tsan_release(void *at);
#define crew__tsan_release(at) __tsan_release(at)
#define crew__tsan_acquire(at) __tsan_acquire(at)
#else
#define crew__tsan_release(at) ((void)(at))
#define crew__tsan_acquire(at) ((void)(at))
#endif

/*
 * Words that one thread writes and others only look at. The writer's own reads need
 * no order; what it writes is for whoever happens to look (statistics, dumps).
 */
static inline uint64_t crew__own(const struct crew_word *w)
{
#ifdef CREW_SIM
	return crew__sim_own(&w->value);
#else
	return __atomic_load_n(&w->value, __ATOMIC_RELAXED);
#endif
}

static inline void crew__show(struct crew_word *w, uint64_t v)
{
#ifdef CREW_SIM
	crew__sim_show(&w->value, v);
#else
	__atomic_store_n(&w->value, v, __ATOMIC_RELAXED);
#endif
}

static inline void crew__show_pointer(struct crew_word *w, const void *what)
{
	crew__show(w, (uint64_t)(uintptr_t)what);
}

/* A string constant that is shown there: it stays what it is when another one takes its place. */
static inline const char *crew__shown_text(const struct crew_word *w)
{
	return (const char *)(uintptr_t)crew__load_relaxed(w);
}

/* Before anybody else can see the word. */
static inline void crew__init_word(struct crew_word *w, uint64_t v)
{
	w->value = v;
}

/*
 * A counter that one thread writes and others read now and then: no
 * read-modify-write, one instruction. Aligned 64-bit accesses are not torn on
 * the processors we build for; TSan is shown the relaxed accesses that are meant.
 */
static inline void crew__count(struct crew_word *w, uint64_t n)
{
#if defined(CREW__TSAN) || defined(CREW_SIM)
	crew__show(w, crew__own(w) + n);
#else
	w->value += n;
#endif
}

static inline void crew__fence_seq_cst(void)
{
#if defined(CREW_SIM)
	crew__sim_fence();
#elif defined(CREW__TSAN)
	extern struct crew_word crew__tsan_fence;
	__atomic_fetch_add(&crew__tsan_fence.value, 1, __ATOMIC_SEQ_CST);
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* The same, where a read-modify-write of any word stands right before: on x86 that
 * already is the fence. */
static inline void crew__fence_after_rmw(void)
{
#if defined(__x86_64__) && !defined(CREW_SIM)
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#else
	crew__fence_seq_cst();
#endif
}

/*
 * Keeps the compiler from moving accesses across. On its own it orders nothing
 * between threads; where it stands for half of a fence, the other half is
 * crew__port_membarrier() on the far side.
 */
static inline void crew__compiler_barrier(void)
{
#ifndef CREW_SIM
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

static inline void crew__spin_hint(void)
{
	CREW__POINT();
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

#endif /* CREW__ATOMIC_H */
