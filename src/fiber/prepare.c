/* SPDX-License-Identifier: MIT */
/*
 * prepare.c - the first frame of a context, as switch_<cpu>.S expects it, and
 * the personality of the frame that calls a task.
 */
#include "fiber/fiber.h"

#include "base/assert.h"

#include <string.h>
#include <unwind.h>

#ifndef CREW_FIBER_UCONTEXT

void crew__switch_start(void);

/* 16 zero bytes above the frame: the return slot that unwinders may look at. */
#define HEADROOM 16

void *crew__switch_prepare(char *low, char *high, void (*entry)(void *), void *arg)
{
#if defined(__x86_64__)
	enum {
		CONTROL,
		R15,
		R14,
		R13,
		R12,
		RBX,
		RBP,
		RETURN,
		WORDS
	};
	uint64_t frame[WORDS] = { 0 };
	uint32_t mxcsr;
	uint16_t x87;

	/* a task begins with the control words of whoever made its fiber */
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
	frame[CONTROL] = mxcsr | (uint64_t)x87 << 32;
	frame[R12] = (uint64_t)(uintptr_t)entry;
	frame[R13] = (uint64_t)(uintptr_t)arg;
	frame[RETURN] = (uint64_t)(uintptr_t)crew__switch_start;
#elif defined(__aarch64__)
	enum {
		X29 = 0,
		X30 = 1,
		X19 = 2,
		X20 = 3,
		FPCR = 20,
		WORDS = 22
	};
	uint64_t frame[WORDS] = { 0 };
	uint64_t fpcr;

	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	frame[X30] = (uint64_t)(uintptr_t)crew__switch_start;
	frame[X19] = (uint64_t)(uintptr_t)entry;
	frame[X20] = (uint64_t)(uintptr_t)arg;
	frame[FPCR] = fpcr;
#else
#error "no switch for this processor: build with FIBER=ucontext"
#endif
	char *top = high - ((uintptr_t)high & 15) - HEADROOM;

	crew__assert(top - low > (ptrdiff_t)sizeof(frame));
	memset(top, 0, HEADROOM);
	memcpy(top - sizeof(frame), frame, sizeof(frame));
	return top - sizeof(frame);
}

#endif /* CREW_FIBER_UCONTEXT */

static const char *(*escape_hook)(void)CREW__STATE;

void crew__set_escape_hook(const char *(*name)(void))
{
	escape_hook = name;
}

/*
 * Asked by every unwinder that reaches the frame of crew__call_task: there is
 * no further out for an exception (searching, or forced by pthread_exit).
 * backtrace() and profilers do not ask.
 */
_Unwind_Reason_Code crew__escape_personality(int version, _Unwind_Action actions,
					     _Unwind_Exception_Class class,
					     struct _Unwind_Exception *exception,
					     struct _Unwind_Context *context);

_Unwind_Reason_Code crew__escape_personality(int version, _Unwind_Action actions,
					     _Unwind_Exception_Class class,
					     struct _Unwind_Exception *exception,
					     struct _Unwind_Context *context)
{
	const char *name = escape_hook ? escape_hook() : NULL;

	(void)version;
	(void)class;
	(void)exception;
	(void)context;
	crew__fail(actions & _UA_FORCE_UNWIND ?
			   "a task was left by pthread_exit or thread cancellation" :
			   "a C++ exception left a task; catch it in the task and return a code",
		   name, CREW_HERE);
}

/* What CREW__NO_ESCAPE refers to: position-independent code names a personality through
 * a pointer. */
typedef _Unwind_Reason_Code personality(int, _Unwind_Action, _Unwind_Exception_Class,
					struct _Unwind_Exception *, struct _Unwind_Context *);
extern personality *const crew__escape_pointer;
personality *const crew__escape_pointer = crew__escape_personality;
