/* SPDX-License-Identifier: MIT */
/*
 * fiber.h - stacks to run on, and the switch between them.
 *
 * A context is what is left of a running function when it is not running: a
 * stack and the stack pointer, everything else lies on the stack. What a fiber
 * is doing, and for whom, is floor 3's business (exec/).
 *
 * The switch saves what the ABI says a call preserves, and the two words of
 * floating-point control (x86: mxcsr and x87 control word; aarch64: fpcr),
 * because a task may go on in another thread. errno is saved by the caller,
 * which knows the thread's door.
 *
 * Sanitizers and valgrind are told: ASan gets both ends of each switch, TSan
 * runs each context as a fiber of its own and takes no order from a switch
 * (no_sync): order must come from our own atomics.
 */
#ifndef CREW__FIBER_H
#define CREW__FIBER_H

#include "base/atomic.h"

#if defined(__SANITIZE_ADDRESS__)
#define CREW__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CREW__ASAN 1
#endif
#endif

struct crew__context {
	void *sp;	    /* while suspended */
	char *low;	    /* lowest usable byte of the stack; NULL for a thread's own stack */
	char *high;	    /* one past the highest */
	void *sanitizer;    /* TSan's fiber, or ASan's fake stack while suspended */
	uintptr_t valgrind; /* its number for the stack; 0: none */
};

/*
 * Makes `context` begin with entry(arg) on the stack [low, high) at the next
 * switch to it. entry must never return. Writes the first frame. May be called
 * anew on a context that is suspended: what was running there is forgotten.
 */
void crew__context_init(struct crew__context *context, char *low, char *high, void (*entry)(void *),
			void *arg);
/* Makes `context` stand for the stack that this thread was given. */
void crew__context_init_thread(struct crew__context *context);
/* Lets go of what init took. The context must not be running. */
void crew__context_fini(struct crew__context *context);

/*
 * Suspends the caller in `from` and goes on in `to`. Returns when somebody
 * switches back to `from`, perhaps on another thread.
 */
void crew__context_switch(struct crew__context *from, struct crew__context *to);
/* The first thing that an entry calls; `from`: whom it was switched to from. */
void crew__context_entered(struct crew__context *from);

/* Where the caller's stack is now, roughly. */
static inline char *crew__stack_pointer(void)
{
	char *sp;

#if defined(__x86_64__)
	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
#elif defined(__aarch64__)
	__asm__ volatile("mov %0, sp" : "=r"(sp));
#else
	sp = __builtin_frame_address(0);
#endif
	return sp;
}

/*
 * The C++ runtime keeps two words about exceptions in flight for each thread; a task
 * takes them along. Where those of the calling thread are, as long as it lives. NULL:
 * there is no C++ runtime in the process.
 */
struct crew__cxx {
	void *caught;
	unsigned uncaught;
};
struct crew__cxx *crew__cxx_here(void);

/*
 * fn(arg). If an exception or a forced unwind (pthread_exit, cancellation)
 * tries to leave fn, the process ends: no task may be left that way. The
 * hook, when set, says which task it was.
 */
int crew__call_task(int (*fn)(void *), void *arg);
/*
 * The same for calls that a function makes itself: no exception passes through the
 * function that this stands in. It gives that function's unwind entry the personality
 * that ends the process, and costs nothing.
 */
#define CREW__NO_ESCAPE() __asm__ volatile(".cfi_personality 0x9b, crew__escape_pointer")
void crew__set_escape_hook(const char *(*name)(void));

/* ---- what each processor provides (switch_<cpu>.S, switch_ucontext.c) ---- */

/* Saves the registers on this stack, *save = sp, sp = load, restores. */
void crew__switch_stacks(void **save, void *load);
/* Prepares a stack so that switching to the returned pointer calls entry(arg). */
void *crew__switch_prepare(char *low, char *high, void (*entry)(void *), void *arg);

#endif /* CREW__FIBER_H */
