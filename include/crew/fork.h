/* SPDX-License-Identifier: MIT */
/*
 * crew/fork.h - fork and join of one function, down to nanoseconds.
 *
 * For recursion that divides its work: a call is forked, something else is done
 * meanwhile, and join takes the result. A worker that is idle may have run the
 * forked call by then; mostly nobody has, and join calls the function itself, so
 * directly that the compiler sees the call.
 *
 *	static long fib(int n);
 *	CREW_FORK1(fib, long, int)	// of: long fib(int)
 *
 *	static long fib(int n)
 *	{
 *		struct fib_forked left;
 *		long right;
 *
 *		if (n < 2)
 *			return n;
 *		fib_fork(&left, n - 1);
 *		right = fib(n - 2);
 *		return fib_join(&left) + right;
 *	}
 *
 * Fork or group? A group (crew/group.h) has any number of children, their
 * failures, its own cancellation, and costs several times as much. A fork is one
 * call with typed arguments and a result. Both work inside each other.
 *
 * The rules. What is forked is joined in the same function, once, the newest
 * first, and with no scope opened or closed in between left so. The struct lies
 * still until then; it is a local variable. A forked call always runs, also when
 * everything around it is cancelled: join has to return its value. It runs in the
 * scope of the fork, so crew_check() tells it, and it may wait like any task.
 *
 * On a plain thread, and where recursion is deeper than a worker has room for, fork
 * only keeps the arguments, and join calls.
 *
 * See also: crew/group.h.
 */
#ifndef CREW_FORK_H
#define CREW_FORK_H

#include "crew/base.h"
#include "crew/task.h"

CREW_BEGIN

/*
 * CREW_FORK1(function, result, type) to CREW_FORK4(function, result, type, ...)
 * define, for a function declared before with so many arguments:
 *
 *	struct function_forked;
 *	void function_fork(struct function_forked *forked, arguments...);
 *	result function_join(struct function_forked *forked);
 *
 * CREW_FORK1_VOID to CREW_FORK4_VOID (without `result`) do for functions that
 * return nothing.
 *
 * fork:	Checkpoint: none. The call may begin at once, on any worker. What the
 *		caller wrote before is visible to it.
 * join:	Checkpoint: none; waits, and nothing can interrupt it, while another
 *		worker runs the call. What the call wrote is visible afterwards.
 * Callers:	tasks and plain threads; whoever forked joins
 */
#define CREW_FORK1(function, result, T1)                                                           \
	CREW_FORK_(function, result, result crew_result_;                                          \
		   , crew_f_->crew_result_ =, return crew_f_->crew_result_, return,                \
		   (T1 crew_a1_;), (T1 crew_a1_), (crew_f_->crew_a1_ = crew_a1_;),                 \
		   (crew_f_->crew_a1_))
#define CREW_FORK2(function, result, T1, T2)                                                       \
	CREW_FORK_(function, result, result crew_result_;                                          \
		   , crew_f_->crew_result_ =, return crew_f_->crew_result_, return,                \
		   (T1 crew_a1_; T2 crew_a2_;), (T1 crew_a1_, T2 crew_a2_),                        \
		   (crew_f_->crew_a1_ = crew_a1_; crew_f_->crew_a2_ = crew_a2_;),                  \
		   (crew_f_->crew_a1_, crew_f_->crew_a2_))
#define CREW_FORK3(function, result, T1, T2, T3)                                                   \
	CREW_FORK_(function, result, result crew_result_;                                          \
		   , crew_f_->crew_result_ =, return crew_f_->crew_result_, return,                \
		   (T1 crew_a1_; T2 crew_a2_; T3 crew_a3_;),                                       \
		   (T1 crew_a1_, T2 crew_a2_, T3 crew_a3_),                                        \
		   (crew_f_->crew_a1_ = crew_a1_; crew_f_->crew_a2_ = crew_a2_;                    \
		    crew_f_->crew_a3_ = crew_a3_;),                                                \
		   (crew_f_->crew_a1_, crew_f_->crew_a2_, crew_f_->crew_a3_))
#define CREW_FORK4(function, result, T1, T2, T3, T4)                                               \
	CREW_FORK_(function, result, result crew_result_;                                          \
		   , crew_f_->crew_result_ =, return crew_f_->crew_result_, return,                \
		   (T1 crew_a1_; T2 crew_a2_; T3 crew_a3_; T4 crew_a4_;),                          \
		   (T1 crew_a1_, T2 crew_a2_, T3 crew_a3_, T4 crew_a4_),                           \
		   (crew_f_->crew_a1_ = crew_a1_; crew_f_->crew_a2_ = crew_a2_;                    \
		    crew_f_->crew_a3_ = crew_a3_; crew_f_->crew_a4_ = crew_a4_;),                  \
		   (crew_f_->crew_a1_, crew_f_->crew_a2_, crew_f_->crew_a3_, crew_f_->crew_a4_))

#define CREW_FORK1_VOID(function, T1)                                                              \
	CREW_FORK_(function, void, , (void), return, , (T1 crew_a1_;), (T1 crew_a1_),              \
		   (crew_f_->crew_a1_ = crew_a1_;), (crew_f_->crew_a1_))
#define CREW_FORK2_VOID(function, T1, T2)                                                          \
	CREW_FORK_(function, void, , (void), return, , (T1 crew_a1_; T2 crew_a2_;),                \
		   (T1 crew_a1_, T2 crew_a2_),                                                     \
		   (crew_f_->crew_a1_ = crew_a1_; crew_f_->crew_a2_ = crew_a2_;),                  \
		   (crew_f_->crew_a1_, crew_f_->crew_a2_))
#define CREW_FORK3_VOID(function, T1, T2, T3)                                                      \
	CREW_FORK_(function, void, , (void), return, , (T1 crew_a1_; T2 crew_a2_; T3 crew_a3_;),   \
		   (T1 crew_a1_, T2 crew_a2_, T3 crew_a3_),                                        \
		   (crew_f_->crew_a1_ = crew_a1_; crew_f_->crew_a2_ = crew_a2_;                    \
		    crew_f_->crew_a3_ = crew_a3_;),                                                \
		   (crew_f_->crew_a1_, crew_f_->crew_a2_, crew_f_->crew_a3_))
#define CREW_FORK4_VOID(function, T1, T2, T3, T4)                                                  \
	CREW_FORK_(function, void, , (void), return, ,                                             \
		   (T1 crew_a1_; T2 crew_a2_; T3 crew_a3_; T4 crew_a4_;),                          \
		   (T1 crew_a1_, T2 crew_a2_, T3 crew_a3_, T4 crew_a4_),                           \
		   (crew_f_->crew_a1_ = crew_a1_; crew_f_->crew_a2_ = crew_a2_;                    \
		    crew_f_->crew_a3_ = crew_a3_; crew_f_->crew_a4_ = crew_a4_;),                  \
		   (crew_f_->crew_a1_, crew_f_->crew_a2_, crew_f_->crew_a3_, crew_f_->crew_a4_))

/* ---- what the macros are made of; not for callers ------------------------- */

/* The head of a forked call. */
struct crew_fork {
	struct crew_word state;
};

/* What all forked calls of one function share. */
struct crew_fork_kind {
	crew_task_fn *run;
	const char *site;
};

struct crew_fork_cell {
	struct crew_word words[4];
};

/* Cells of a deque. In the library's own tests they may be few. */
#ifdef CREW_TINY
#define CREW_FORK_CELLS_ 4U
#else
#define CREW_FORK_CELLS_ (1U << 21)
#endif

/*
 * Puts a call where other workers find it. `fork` is the head of its struct. `kind` and what
 * it points to stay as they are until the call has been joined.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 */
CREW_API void crew_fork_put(struct crew_fork *fork, const struct crew_fork_kind *kind);
/*
 * Takes it back, or waits until it has ended.
 *
 * Checkpoint:	none; waits, and nothing can interrupt it
 * Callers:	whoever has put it
 * Returns:	true	nobody has taken it: the caller has to run it
 *		false	it has ended
 */
CREW_API bool crew_fork_take(struct crew_fork *fork);
/*
 * Answers the worker that asks for what was put.
 *
 * Checkpoint:	none
 * Callers:	tasks
 */
CREW_API void crew_fork_tell(void);

#define CREW_FORK_LIST_(...) __VA_ARGS__

#define CREW_FORK_(function, result, Field, assign, get, call, fields, arguments, keep, values)    \
	struct function##_forked {                                                                 \
		struct crew_fork crew_head_;                                                       \
		Field CREW_FORK_LIST_ fields                                                       \
	};                                                                                         \
	static int function##_forked_run_(void *crew_arg_)                                         \
	{                                                                                          \
		struct function##_forked *crew_f_ = (struct function##_forked *)crew_arg_;         \
                                                                                                   \
		assign function values;                                                            \
		return 0;                                                                          \
	}                                                                                          \
	static const struct crew_fork_kind function##_forked_kind_                                 \
		__attribute__((unused)) = { function##_forked_run_, #function " " CREW_HERE };     \
	static inline __attribute__((unused)) void function##_fork(                                \
		struct function##_forked *crew_f_, CREW_FORK_LIST_ arguments)                      \
	{                                                                                          \
		CREW_FORK_LIST_ keep crew_fork_inline_put_(&crew_f_->crew_head_,                   \
							   &function##_forked_kind_);              \
	}                                                                                          \
	static inline __attribute__((unused))                                                      \
	result function##_join(struct function##_forked *crew_f_)                                  \
	{                                                                                          \
		if (crew_fork_inline_take_(&crew_f_->crew_head_))                                  \
			call function values;                                                      \
		else                                                                               \
			get;                                                                       \
	}

/*
 * On the way of every fork, so in the caller's own code where that can be (crew/task.h). Why
 * each step is as it is: src/exec/deque.h, src/exec/fork.h.
 */
#ifdef CREW_HERE_INLINE_

/* Its address, which gcc would otherwise compute once, and keep in a register that the
 * caller's function has to save. */
static inline uint64_t crew_fork_address_(const struct crew_fork *fork)
{
	uint64_t address;

	__asm__("leaq %1, %0" : "=r"(address) : "m"(*fork));
	return address;
}

/* Is bottom where thieves may not come? */
static inline bool crew_fork_private_(const struct crew_fork_deque *deque, uint32_t bottom)
{
	return (int32_t)(bottom - __atomic_load_n(&deque->halves[1], __ATOMIC_RELAXED)) >= 0;
}

static inline void crew_fork_inline_put_(struct crew_fork *fork, const struct crew_fork_kind *kind)
{
	struct crew_fork_deque *deque = crew_fork_here_();
	uint64_t bottom = __atomic_load_n(&deque->bottom.value, __ATOMIC_RELAXED);
	struct crew_fork_cell *cell;

	if (__builtin_expect((uint32_t)bottom == deque->limit, 0)) {
		crew_fork_put(fork, kind);
		return;
	}
	cell = &deque->cells[(uint32_t)bottom & (CREW_FORK_CELLS_ - 1)];
	__atomic_store_n(&fork->state.value, bottom, __ATOMIC_RELAXED);
	__atomic_store_n(&cell->words[1].value, crew_fork_address_(fork), __ATOMIC_RELAXED);
	__atomic_store_n(&cell->words[3].value, (uint64_t)(uintptr_t)kind, __ATOMIC_RELAXED);
	__atomic_store_n(&cell->words[2].value, deque->scope, __ATOMIC_RELAXED);
	__atomic_store_n(&deque->bottom.value, bottom + 1, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(&deque->attention.value, __ATOMIC_RELAXED) & 3, 0))
		crew_fork_tell();
}

static inline bool crew_fork_inline_take_(struct crew_fork *fork)
{
	struct crew_fork_deque *deque = crew_fork_here_();
	uint64_t bottom = __atomic_load_n(&fork->state.value, __ATOMIC_RELAXED);

	if (__builtin_expect(__atomic_load_n(&deque->bottom.value, __ATOMIC_RELAXED) == bottom + 1,
			     1)) {
		__atomic_store_n(&deque->bottom.value, bottom, __ATOMIC_RELEASE);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		if (__builtin_expect(crew_fork_private_(deque, (uint32_t)bottom), 1))
			return true;
		__atomic_store_n(&deque->bottom.value, bottom + 1, __ATOMIC_RELEASE);
	}
	return crew_fork_take(fork);
}

#else

static inline void crew_fork_inline_put_(struct crew_fork *fork, const struct crew_fork_kind *kind)
{
	crew_fork_put(fork, kind);
}

static inline bool crew_fork_inline_take_(struct crew_fork *fork)
{
	return crew_fork_take(fork);
}

#endif

CREW_END

#endif /* CREW_FORK_H */
