/* SPDX-License-Identifier: MIT */
/*
 * assert.h - three tiers of checks.
 *
 *	crew__require	misuse by a caller that no return code can carry. Always
 *			on. The message is a sentence that says what to do.
 *	crew__assert	a cheap invariant of our own. On unless CREW_RELEASE.
 *	crew__verify	walks a structure. On in CREW_HARD builds.
 *
 * A failure prints the sentence and the place on stderr and ends the process.
 */
#ifndef CREW__ASSERT_H
#define CREW__ASSERT_H

#include "crew/base.h"

_Noreturn void crew__fail(const char *sentence, const char *detail, const char *site);

#define crew__likely(x)	  __builtin_expect(!!(x), 1)
#define crew__unlikely(x) __builtin_expect(!!(x), 0)

/* `detail` names the object that was misused; NULL: none */
#define crew__require(expression, sentence, detail)                                                \
	(crew__likely(expression) ? (void)0 : crew__fail(sentence, detail, CREW_HERE))

#ifdef CREW_RELEASE
#define crew__assert(expression) ((void)sizeof(!(expression)))
#else
#define crew__assert(expression)                                                                   \
	(crew__likely(expression) ? (void)0 :                                                      \
				    crew__fail("broken invariant", #expression, CREW_HERE))
#endif

#ifdef CREW_HARD
#define crew__verify(expression) crew__assert(expression)
#else
#define crew__verify(expression) ((void)sizeof(!(expression)))
#endif

#endif /* CREW__ASSERT_H */
