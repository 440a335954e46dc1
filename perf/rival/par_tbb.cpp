// SPDX-License-Identifier: MIT
/* par_tbb.cpp - oneTBB's side of kernel/par/par.h: parallel_invoke and parallel_for. */
#include "../kernel/par/par.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/parallel_sort.h>
#include <oneapi/tbb/task_arena.h>

#include <memory>

extern "C" const char par_peer[] = "tbb";

extern "C" void par_two(par_fn *fn, void *a, void *b)
{
	tbb::parallel_invoke([=] { fn(a); }, [=] { fn(b); });
}

extern "C" void par_for(long count, long grain, par_range_fn *fn, void *arg)
{
	tbb::parallel_for(tbb::blocked_range<long>(0, count, (size_t)grain),
			  [=](const tbb::blocked_range<long> &range) {
				  fn(arg, range.begin(), range.end());
			  });
}

extern "C" void par_library_sort(uint32_t *numbers, long count)
{
	tbb::parallel_sort(numbers, numbers + count);
}

extern "C" int64_t par_run(long workers, par_loop_fn *loop, uint64_t n, long param)
{
	static std::unique_ptr<tbb::global_control> control;
	static std::unique_ptr<tbb::task_arena> arena;

	if (!arena || arena->max_concurrency() != workers) {
		arena.reset();
		control = std::make_unique<tbb::global_control>(
			tbb::global_control::max_allowed_parallelism, (size_t)workers);
		arena = std::make_unique<tbb::task_arena>((int)workers);
	}
	return arena->execute([=] { return loop(n, param); });
}
