/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a look at faults (SIGSEGV, SIGBUS) before they end the process.
 *
 * The handler tells `look` the address and then hands the signal on to whatever was
 * there before: a handler is called as if it had been ours alone, the default action
 * follows by faulting again, so that the core dump shows the fault and not us. A
 * handler that the program installs afterwards replaces ours, as usual.
 *
 * The stack that faulted may be the reason, so the handler needs another one. Each
 * thread that asks gets one; a thread that has one already (the program's, or a
 * sanitizer's) keeps it.
 */
#include "port/port.h"

#include <signal.h>
#include <string.h>

/* touched when a fault comes; a handler of the program may run on it too */
#define STACK_BYTES ((size_t)64 * 1024)

static void (*look_at)(uintptr_t address);
static struct sigaction before_segv;
static struct sigaction before_bus;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *before = signal == SIGBUS ? &before_bus : &before_segv;
	bool sent = info->si_code <= 0; /* by kill(): there is nothing to fault again */
	sigset_t mask;

	if (!sent)
		look_at((uintptr_t)info->si_addr);
	if (before->sa_handler == SIG_IGN && sent)
		return;
	if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN) {
		sigaction(signal, before, NULL);
		if (sent)
			raise(signal); /* blocked until we return */
		return;
	}
	pthread_sigmask(SIG_BLOCK, &before->sa_mask, &mask);
	if (before->sa_flags & SA_SIGINFO)
		before->sa_sigaction(signal, info, context);
	else
		before->sa_handler(signal);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

void crew__port_on_fault(void (*look)(uintptr_t address))
{
	struct sigaction ours = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	look_at = look;
	sigemptyset(&ours.sa_mask);
	/* read first: a fault may come between the two */
	sigaction(SIGSEGV, NULL, &before_segv);
	sigaction(SIGSEGV, &ours, NULL);
	sigaction(SIGBUS, NULL, &before_bus);
	sigaction(SIGBUS, &ours, NULL);
}

void *crew__port_fault_stack(void)
{
	stack_t stack = { .ss_size = STACK_BYTES };
	stack_t given;

	if (sigaltstack(NULL, &given) || !(given.ss_flags & SS_DISABLE))
		return NULL;
	stack.ss_sp = crew__port_map(STACK_BYTES);
	if (stack.ss_sp && sigaltstack(&stack, NULL)) {
		crew__port_unmap(stack.ss_sp, STACK_BYTES);
		return NULL;
	}
	return stack.ss_sp;
}

void crew__port_fault_stack_end(void *at)
{
	stack_t none = { .ss_flags = SS_DISABLE };
	stack_t given;

	if (!at)
		return;
	/* not if a task has installed another one meanwhile */
	if (sigaltstack(NULL, &given) == 0 && given.ss_sp == at)
		sigaltstack(&none, NULL);
	crew__port_unmap(at, STACK_BYTES);
}
