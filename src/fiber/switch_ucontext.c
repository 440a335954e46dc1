/* SPDX-License-Identifier: MIT */
/*
 * switch_ucontext.c - the switch for any other processor, and the yardstick in
 * tests (FIBER=ucontext). Slow: the C library saves the signal mask with two
 * system calls. The "stack pointer" of a suspended context is the address of a
 * ucontext_t that lies on its stack.
 */
#include "fiber/fiber.h"

#include <stdlib.h>
#include <ucontext.h>

struct first {
	ucontext_t context;
	void (*entry)(void *);
	void *arg;
};

/* makecontext passes ints only */
static void start(unsigned high, unsigned low)
{
	struct first *first = (struct first *)(((uintptr_t)high << 16 << 16) | low);

	first->entry(first->arg);
	abort();
}

void *crew__switch_prepare(char *low, char *high, void (*entry)(void *), void *arg)
{
	uintptr_t at = ((uintptr_t)high - sizeof(struct first)) & ~(uintptr_t)63;
	struct first *first = (struct first *)at;

	getcontext(&first->context);
	first->entry = entry;
	first->arg = arg;
	first->context.uc_stack.ss_sp = low;
	first->context.uc_stack.ss_size = (size_t)((char *)at - low);
	first->context.uc_link = NULL;
	makecontext(&first->context, (void (*)(void))start, 2, (unsigned)(at >> 16 >> 16),
		    (unsigned)at);
	return &first->context;
}

void crew__switch_stacks(void **save, void *load)
{
	ucontext_t here;

	*save = &here;
	swapcontext(&here, load);
}

int crew__call_task(int (*fn)(void *), void *arg)
{
	return fn(arg);
}
