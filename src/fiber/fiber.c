/* SPDX-License-Identifier: MIT */
/*
 * fiber.c - contexts, and what sanitizers have to be told about them.
 *
 * ASan keeps a fake stack for each real one (detect_stack_use_after_return).
 * Leaving a context hands ours over and gets it back on return; a context that
 * is begun anew over a forgotten one drops the forgotten frames' poison.
 *
 * TSan keeps a shadow call stack for each fiber; a forgotten context gets a new
 * one. A TSan fiber must not be destroyed while it is current.
 */
#include "fiber/fiber.h"

#include "base/assert.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define HAVE_VALGRIND 1
#endif
#endif

#ifdef CREW__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CREW__TSAN
#include <sanitizer/tsan_interface.h>
#define NO_TSAN __attribute__((no_sanitize("thread"), noinline))
#else
#define NO_TSAN
#endif

void crew__context_init(struct crew__context *context, char *low, char *high, void (*entry)(void *),
			void *arg)
{
	context->low = low;
	context->high = high;
#ifdef CREW__ASAN
	__asan_unpoison_memory_region(low, (size_t)(high - low));
	context->sanitizer = NULL;
#endif
#ifdef CREW__TSAN
	if (context->sanitizer)
		__tsan_destroy_fiber(context->sanitizer);
	context->sanitizer = __tsan_create_fiber(0);
#endif
#ifdef HAVE_VALGRIND
	if (!context->valgrind)
		context->valgrind = VALGRIND_STACK_REGISTER(low, high) + 1;
#endif
	context->sp = crew__switch_prepare(low, high, entry, arg);
}

void crew__context_init_thread(struct crew__context *context)
{
	*context = (struct crew__context){ .sp = NULL };
#ifdef CREW__TSAN
	context->sanitizer = __tsan_get_current_fiber();
#endif
}

void crew__context_fini(struct crew__context *context)
{
#ifdef CREW__TSAN
	if (context->low && context->sanitizer)
		__tsan_destroy_fiber(context->sanitizer);
#endif
#ifdef HAVE_VALGRIND
	if (context->valgrind)
		VALGRIND_STACK_DEREGISTER(context->valgrind - 1);
#endif
#ifdef CREW__ASAN
	if (context->low)
		__asan_unpoison_memory_region(context->low, (size_t)(context->high - context->low));
#endif
	context->sanitizer = NULL;
	context->valgrind = 0;
	context->low = NULL;
}

#ifdef CREW__ASAN

/* A thread's own stack has bounds too: ASan tells them to whoever leaves it. */
void crew__context_entered(struct crew__context *from)
{
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(NULL, &bottom, &size);
	if (!from->low) {
		from->low = (char *)(uintptr_t)bottom;
		from->high = from->low + size;
	}
}
#else
void crew__context_entered(struct crew__context *from)
{
	(void)from;
}
#endif

NO_TSAN void crew__context_switch(struct crew__context *from, struct crew__context *to)
{
#ifdef CREW__ASAN
	void *fake;

	__sanitizer_start_switch_fiber(&fake, to->low, (size_t)(to->high - to->low));
	crew__switch_stacks(&from->sp, to->sp);
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#else
#ifdef CREW__TSAN
	__tsan_switch_to_fiber(to->sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
	crew__switch_stacks(&from->sp, to->sp);
#endif
}

/* ---- C++ ---------------------------------------------------------------- */

/* struct __cxa_eh_globals of the Itanium C++ ABI: two words for each thread. */
__attribute__((weak)) void *__cxa_get_globals(void);

struct crew__cxx *crew__cxx_here(void)
{
	return __cxa_get_globals ? (struct crew__cxx *)__cxa_get_globals() : NULL;
}
