/* SPDX-License-Identifier: MIT */
/*
 * plain.h - Criterion's macros, as far as the tests use them, in one process.
 *
 * A test registers itself before main. A failed assertion prints and aborts: one
 * failure ends the run, as a sanitizer's does.
 */
#ifndef CREW_PLAIN_H
#define CREW_PLAIN_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct plain_options {
	double timeout; /* seconds; 0: 60 */
	bool disabled;
};

struct plain_test {
	const char *suite;
	const char *name;
	void (*run)(void);
	struct plain_options options;
	struct plain_test *next;
};

void plain_add(struct plain_test *test);
_Noreturn void plain_fail(const char *file, int line, const char *expression, const char *format,
			  ...);

#define Test(suite_, name_, ...)                                                                   \
	static void suite_##_##name_(void);                                                        \
	__attribute__((constructor)) static void suite_##_##name_##_add(void)                      \
	{                                                                                          \
		static struct plain_test test = { .suite = #suite_,                                \
						  .name = #name_,                                  \
						  .run = suite_##_##name_,                         \
						  .options = { __VA_ARGS__ } };                    \
		plain_add(&test);                                                                  \
	}                                                                                          \
	static void suite_##_##name_(void)

/* The message is optional: the NULL behind it is where none was given. */
#define cr_assert(...) PLAIN_ASSERT_(__VA_ARGS__, NULL)
#define PLAIN_ASSERT_(expression, ...)                                                             \
	((expression) ? (void)0 : plain_fail(__FILE__, __LINE__, #expression, __VA_ARGS__))

#define cr_assert_not(...)	 PLAIN_NOT_(__VA_ARGS__, NULL)
#define PLAIN_NOT_(e, ...)	 PLAIN_ASSERT_(!(e), __VA_ARGS__)
#define cr_assert_eq(...)	 PLAIN_EQ_(__VA_ARGS__, NULL)
#define PLAIN_EQ_(a, b, ...)	 PLAIN_ASSERT_((a) == (b), __VA_ARGS__)
#define cr_assert_neq(...)	 PLAIN_NEQ_(__VA_ARGS__, NULL)
#define PLAIN_NEQ_(a, b, ...)	 PLAIN_ASSERT_((a) != (b), __VA_ARGS__)
#define cr_assert_lt(...)	 PLAIN_LT_(__VA_ARGS__, NULL)
#define PLAIN_LT_(a, b, ...)	 PLAIN_ASSERT_((a) < (b), __VA_ARGS__)
#define cr_assert_leq(...)	 PLAIN_LEQ_(__VA_ARGS__, NULL)
#define PLAIN_LEQ_(a, b, ...)	 PLAIN_ASSERT_((a) <= (b), __VA_ARGS__)
#define cr_assert_gt(...)	 PLAIN_GT_(__VA_ARGS__, NULL)
#define PLAIN_GT_(a, b, ...)	 PLAIN_ASSERT_((a) > (b), __VA_ARGS__)
#define cr_assert_geq(...)	 PLAIN_GEQ_(__VA_ARGS__, NULL)
#define PLAIN_GEQ_(a, b, ...)	 PLAIN_ASSERT_((a) >= (b), __VA_ARGS__)
#define cr_assert_null(...)	 cr_assert_not(__VA_ARGS__)
#define cr_assert_not_null(...)	 cr_assert(__VA_ARGS__)
#define cr_assert_str_eq(...)	 PLAIN_STR_EQ_(__VA_ARGS__, NULL)
#define PLAIN_STR_EQ_(a, b, ...) PLAIN_ASSERT_(strcmp((a), (b)) == 0, __VA_ARGS__)

#endif /* CREW_PLAIN_H */
