/* SPDX-License-Identifier: MIT */
/*
 * all.c - the library in one file, for release builds: what is called across files
 * on the way of a spawn is inlined. Left out, and never compiled with link-time
 * optimisation: the door of the thread (exec/self.c), the operating system
 * (port/) and the switch, whose callers must not see through them.
 */
#include "base/alloc.c"
#include "base/assert.c"
#include "base/error.c"
#include "base/heap.c"
#include "exec/cancel.c"
#include "exec/crew.c"
#include "exec/deadline.c"
#include "exec/deque.c"
#include "exec/fibers.c"
#include "exec/fork.c"
#include "exec/idle.c"
#include "exec/inject.c"
#include "exec/join.c"
#include "exec/overflow.c"
#include "exec/park.c"
#include "exec/pool.c"
#include "exec/submit.c"
#include "exec/task.c"
#include "exec/threads.c"
#include "exec/timer.c"
#include "exec/worker.c"
#include "fiber/fiber.c"
#include "fiber/prepare.c"
#include "scope/group.c"
#include "scope/handle.c"
#include "scope/roster.c"
#include "scope/run.c"
#include "scope/scope.c"
#include "scope/spawn.c"
#include "watch/dump.c"
#include "watch/stats.c"
