/* SPDX-License-Identifier: MIT */
/*
 * crew/base.h - what every other header needs: time, error codes, versions.
 *
 * Errors are return values and never errno. 0 is success. Positive codes are
 * the caller's own (errno values fit) and mean failure. Negative codes from
 * -10001 downwards are crew's, listed here; a task may also return -errno,
 * which passes through unchanged as its own.
 */
#ifndef CREW_BASE_H
#define CREW_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __SIZEOF_POINTER__ == 4 /* also on x86-64: x32 */
#error "crew is for pointers of 8 bytes"
#endif

/* Between these a parameter or a local may be called as a global of the program is. */
#define CREW_QUIET_ _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"")
#define CREW_LOUD_  _Pragma("GCC diagnostic pop")

/* clang-format off */
#ifdef __cplusplus
#define CREW_BEGIN CREW_QUIET_ extern "C" {
#define CREW_END   } CREW_LOUD_
#else
#define CREW_BEGIN CREW_QUIET_
#define CREW_END   CREW_LOUD_
#endif
/* clang-format on */

#define CREW_API __attribute__((visibility("default")))

#define CREW_VERSION_MAJOR 0
#define CREW_VERSION_MINOR 1
#define CREW_VERSION_PATCH 0
#define CREW_VERSION                                                                               \
	(CREW_VERSION_MAJOR * 1000000U + CREW_VERSION_MINOR * 1000U + CREW_VERSION_PATCH)

#define CREW_STRING(x)	CREW_STRING_(x)
#define CREW_STRING_(x) #x
/* The place it is written at, as a string constant: "file.c:12". */
#define CREW_HERE __FILE__ ":" CREW_STRING(__LINE__)

/* Nanoseconds on one monotonic clock for the whole process. */
typedef int64_t crew_time;

#define CREW_NEVER INT64_MAX
/* Durations from numbers of any arithmetic type: CREW_S(0.1) is 100000000. */
#define CREW_US(n) ((crew_time)(1000LL * (n)))
#define CREW_MS(n) ((crew_time)(1000000LL * (n)))
#define CREW_S(n)  ((crew_time)(1000000000LL * (n)))

/* A word shared between threads. Only the library touches it. */
struct crew_word {
	uint64_t value;
};

/*
 * The codes, numbered downwards from -10001 and never renumbered:
 * X(name, sentence). The sentence is what crew_strerror() returns.
 */
/* clang-format off */
#define CREW_ERRORS(X) \
	X(ECANCELED,	"cancelled") \
	X(ETIMEDOUT,	"the deadline passed") \
	X(EWOULDBLOCK,	"it would have to wait") \
	X(ECLOSED,	"closed: nothing new is accepted") \
	X(EBROKEN,	"the other side is gone") \
	X(EEND,		"all senders have closed and nothing is left") \
	X(EOWNERDEAD,	"the owner ended while holding it") \
	X(EDEADLK,	"it would wait for itself") \
	X(EPERM,	"only the holder may do this") \
	X(ESTATE,	"not allowed in this state or from here") \
	X(EINVAL,	"invalid argument") \
	X(ENOMEM,	"out of memory") \
	X(EAGAIN,	"no thread could be created") \
	X(EFORKED,	"used in a child process after fork") \
	X(EBUSY,	"in use by somebody else") \
	X(EEMPTY,	"nothing is left") \
	X(ENOSTART,	"the task ended before it said that it had started") \
	X(ERANGE,	"above the maximum")
/* clang-format on */

enum crew_error_index {
#define CREW_ERROR_INDEX_(name, sentence) CREW_ERROR_INDEX_##name,
	CREW_ERRORS(CREW_ERROR_INDEX_) CREW_ERROR_COUNT
#undef CREW_ERROR_INDEX_
};

enum {
#define CREW_ERROR_CODE_(name, sentence) CREW_##name = -10001 - (int)CREW_ERROR_INDEX_##name,
	CREW_ERRORS(CREW_ERROR_CODE_)
#undef CREW_ERROR_CODE_
};

/*
 * Options are structs whose first field is their size and whose zero fields
 * mean "default". C names what it changes: CREW_GROUP(.name = "fetch"). C++:
 * auto o = crew_defaults<crew_group_options>(); o.name = "fetch".
 *
 * Fields are only added, at the end. So a library accepts the options of programs that were
 * compiled with older headers, what they do not have is zero; and those of newer headers while
 * all that it does not know in them is zero, else they are refused with CREW_EINVAL. Structs
 * that are filled for the caller, stats, begin with their size as well, and are filled as far
 * as they go.
 */
#define CREW_OPTIONS_(type, ...) (&(const struct type){ .size = sizeof(struct type), __VA_ARGS__ })

CREW_BEGIN

/*
 * A sentence for a return code: crew's own, or the errno sentence for 1..133
 * and -133..-1, or "a code of the task's own".
 *
 * Checkpoint:	none
 * Callers:	anybody, signal handlers too
 * Returns:	a string constant
 */
CREW_API const char *crew_strerror(int rc);

/*
 * The name of a return code: "CREW_ECLOSED", "ENOENT".
 *
 * Checkpoint:	none
 * Callers:	anybody, signal handlers too
 * Returns:	a string constant, or NULL for 0 and codes without a name
 */
CREW_API const char *crew_errname(int rc);

/*
 * The version of the library that runs, to be compared with the CREW_VERSION
 * that was compiled in. crew_start() refuses a library older than the headers.
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	major * 1000000 + minor * 1000 + patch
 */
CREW_API unsigned crew_version(void);

CREW_END

#ifdef __cplusplus
/* Options with every field at its default, for C++, which has no CREW_GROUP(). */
template <class T> static inline T crew_defaults()
{
	T crew_options_ = T();

	crew_options_.size = sizeof(T);
	return crew_options_;
}
#endif

#endif /* CREW_BASE_H */
